import { descendants, type Identity } from "./leftovers.js";

/** The Dagger sessions below a process. */
export async function sessionsOf(pid: number): Promise<Identity[]> {
  return (await descendants(pid)).filter(({ commandLine }) => / session( |$)/.test(commandLine));
}
