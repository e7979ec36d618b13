import { join } from "node:path";
import { hostError, systemCode } from "../../files/errors.js";
import { Slices } from "../../files/slices.js";
import { removeTree } from "../../host/remove.js";
import type { StepId } from "../types.js";
import type { CandidateContext } from "./context.js";

/** Where on the host a step's artifacts and its output are. */
export function resultsOf(context: CandidateContext, id: StepId): string {
  return join(context.candidate.out, ...partsOf(context, id));
}

/** The same below the candidate's directory: its name, and that of the run of a check that is repeated. */
export function partsOf({ run }: CandidateContext, { kind, name, run: number }: StepId): string[] {
  return [directoryOf(name), ...(run.repeat > 1 && kind === "check" ? [`run-${number}`] : [])];
}

/** Takes away what an earlier run left there: it would pass for this one's. An abort leaves the rest. */
export async function clearResults(context: CandidateContext): Promise<void> {
  const { setup, build, checks } = context.candidate.config;
  const steps = [
    ...(setup ? [{ name: "setup", artifacts: [] }] : []),
    ...(build ? [{ name: "build", artifacts: build.artifacts }] : []),
    ...checks,
  ];
  for (const { name, artifacts } of steps)
    await clear(context, join(context.candidate.out, directoryOf(name)), artifacts.length > 0);
}

/** The same of one step. */
export function clearResultsOf(context: CandidateContext, id: StepId): Promise<void> {
  return clear(context, resultsOf(context, id), false);
}

/** Who asked for artifacts must get those of this run; nobody asked for a log. */
async function clear(context: CandidateContext, directory: string, isAsked: boolean): Promise<void> {
  if (context.signal.aborted) return;
  await removeTree(Buffer.from(directory), new Slices("validate", context.signal)).catch((error) => {
    if (context.signal.aborted) return;
    const failed = hostError(error, "validate", "Can't replace what an earlier run left in", directory);
    if (isAsked) throw failed;
    if (systemCode(error) !== "ENOTDIR") context.warn(failed.message);
  });
}

/** A colon can't be in a file name everywhere that artifacts are carried to; a plus is in no name of a check. */
function directoryOf(name: string): string {
  return name.replaceAll(":", "+");
}
