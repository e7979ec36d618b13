import { SandboxError } from "../../../errors.js";
import type { Finding } from "../../admin-types.js";
import { helperPath } from "../holder/helpers.js";
import { stateDirectory } from "../state/state.js";
import { checkHolder } from "./holder.js";
import { checkCgroups, checkUserNamespaces } from "./kernel.js";
import { checkBubblewrap, checkNetworkTools, checkSystem, checkTools } from "./programs.js";
import { checkToolchains } from "./toolchains.js";

/** Tries each thing the local engine needs, for real, and names what is in its way. */
export async function diagnose(directory: string = stateDirectory()): Promise<Finding[]> {
  const system = checkSystem();
  if (!system.ok) return [system];
  const tools = checkTools();
  const findings = [system, tools, checkBubblewrap(), checkUserNamespaces()];
  if (findings.every(({ ok }) => ok)) findings.push(...(await checkHolder(directory)));
  return [...findings, checkNetworkTools(), ...checkCgroups(), ...checkToolchains(directory)];
}

/** Why the engine can't be used, in the doctor's words. */
export async function explain(error: unknown, directory: string): Promise<SandboxError> {
  const broken = (await diagnose(directory)).filter(({ ok, severity }) => !ok && severity === "error");
  if (broken.length === 0 && error instanceof SandboxError) return error;
  const lines = broken.map(
    ({ check, detail, fix }) => `- ${check}: ${detail}${fix ? `\n  fix: ${fix}` : ""}`,
  );
  const why = lines.length > 0 ? lines.join("\n") : ((error as Error)?.message ?? String(error));
  return new SandboxError("ENGINE_UNAVAILABLE", `The local engine can't run here.\n${why}`, {
    operation: "create",
    cause: error,
  });
}

/** Throws ENGINE_UNAVAILABLE where a program is missing, one of ours included: before anything is started. */
export async function requireTools(directory: string): Promise<void> {
  const runtime = process.versions.bun ? "Bun" : process.versions.deno ? "Deno" : undefined;
  if (runtime !== undefined) throw notNode(runtime);
  helperPath("holder.sh");
  if (checkSystem().ok && checkTools().ok) return;
  throw await explain(undefined, directory);
}

/** Theirs start no process with the descriptors that the holder needs, or read no named pipe without waiting. */
function notNode(runtime: string): SandboxError {
  const message = `The local engine needs Node.js and can't run under ${runtime}: start this program with \`node\`, or use the Dagger engine.`;
  return new SandboxError("ENGINE_UNAVAILABLE", message, { operation: "create" });
}
