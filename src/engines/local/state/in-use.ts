import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { findTool } from "../doctor/tools.js";
import type { Holder } from "../holder/holder.js";
import { type State, setAside } from "./state.js";

/**
 * Links what a session comes to use of the state, so that nobody removes it as long as the session lives. Look
 * whether it is there afterwards: until then it may go.
 */
export async function markUsed(
  target: string,
  link: string,
  { holder, lock }: { holder: Holder; lock: string },
): Promise<void> {
  if (lstatSync(link, { throwIfNoEntry: false })) return;
  await holder.task("flock", "-s", lock, "ln", "-s", "--", target, link);
}

/** Sets aside those that no live session uses, and gives their new names. Nobody comes to use one meanwhile. */
export async function takeUnused(paths: readonly string[], state: State): Promise<string[]> {
  if (paths.length === 0) return [];
  const release = await lockAlone(state.lock);
  try {
    const used = usedByLiveSessions(state);
    return paths.filter((path) => !used(path)).flatMap((path) => setAside(path) ?? []);
  } finally {
    release();
  }
}

/** Whether a live session has linked a directory of the state, or something in it. */
export function usedByLiveSessions(state: State): (path: string) => boolean {
  const targets = readdirSync(state.sessions)
    .map((id) => join(state.sessions, id))
    .filter(isLive)
    .flatMap((path) => linksIn(join(path, "l")));
  return (path) => targets.some((target) => target === path || target.startsWith(`${path}/`));
}

/** A live owner holds a lock on its lease, which ends with it however it ends. */
export function isLive(session: string): boolean {
  const lease = join(session, "lease");
  return (
    existsSync(lease) && spawnSync(findTool("flock") ?? "flock", ["-n", "-s", lease, "true"]).status !== 0
  );
}

/** None of a session that ends meanwhile. */
function linksIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isSymbolicLink())
      .map(({ name }) => readlinkSync(join(directory, name)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Node can't lock files: a program does, until its input ends, which it also does with this process. */
async function lockAlone(lock: string): Promise<() => void> {
  const flock = spawn(findTool("flock") ?? "flock", ["-x", lock, "sh", "-c", "echo; exec cat"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = once(flock, "exit").then(([code]) => {
    throw new Error(`${lock} can't be locked: flock ended with ${code}`);
  });
  ended.catch(() => {});
  await Promise.race([once(flock.stdout, "data"), ended]);
  return () => flock.stdin.end();
}
