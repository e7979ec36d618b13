import { join } from "node:path";
import { SandboxError } from "../../errors.js";
import { hostError } from "../../files/errors.js";
import { Slices } from "../../files/slices.js";
import { removeTree } from "../../host/remove.js";
import type { Skipped } from "../../options.js";
import type { Sandbox } from "../../sandbox/sandbox.js";
import type { Build } from "../config/config.js";
import type { Artifacts, StepId } from "../types.js";
import type { CandidateContext } from "./context.js";
import type { Deadline } from "./deadline.js";
import { type Outcome, outcomeOf } from "./outcome.js";
import { inUnits } from "./units.js";

/** A step that used up its time can still bring its log. */
const LEAST_EXPORT_MS = 10_000;
/** More of what was left out, which sandboxed code decides, is only counted. */
const MOST_SKIPPED = 1000;

/** Takes away what an earlier run exported: it would pass for this one's. An abort leaves the rest. */
export async function clearArtifacts(context: CandidateContext): Promise<void> {
  const { build, checks } = context.candidate.config;
  const steps = [...(build ? [{ ...build, name: "build" }] : []), ...checks];
  for (const { name, artifacts } of steps) {
    if (artifacts.length === 0 || context.signal.aborted) continue;
    const directory = artifactsOf(context, name);
    await removeTree(Buffer.from(directory), new Slices("validate", context.signal)).catch((error) => {
      if (context.signal.aborted) return;
      throw hostError(error, "validate", "Can't replace the artifacts of an earlier run in", directory);
    });
  }
}

/** Exports what there is, also of a step that failed; what goes wrong with it counts only where all was well. */
export async function withArtifacts(
  context: CandidateContext,
  id: StepId,
  step: Build,
  sandbox: Sandbox,
  outcome: Outcome,
  deadline: Deadline,
): Promise<Outcome> {
  const ofRun = context.run.repeat > 1 && id.kind === "check" ? [`run-${id.run}`] : [];
  const directory = join(artifactsOf(context, id.name), ...ofRun);
  try {
    const exported = await sandbox.exportDirectory(".", directory, {
      include: step.artifacts,
      replace: true,
      timeoutMs: deadline.left(LEAST_EXPORT_MS),
      maxBytes: Math.ceil(mostMiB(context) * 1024 * 1024),
      signal: context.signal,
    });
    const artifacts: Artifacts = { directory, ...exported, skipped: atMost(exported.skipped) };
    if (artifacts.files === 0)
      context.warn(`no file matches the artifacts of ${id.name}: ${step.artifacts.join(", ")}`);
    context.run.emitter.emit({ type: "artifacts-exported", step: id, artifacts });
    return { ...outcome, artifacts };
  } catch (error) {
    const failed = refusal(error, context, deadline);
    context.warn(`artifacts of ${id.name} were not exported: ${failed.reason}`);
    return outcome.verdict === "passed" ? { ...failed, tail: outcome.tail } : outcome;
  }
}

/** A colon can't be in a file name everywhere that artifacts are carried to; a plus is in no name of a check. */
function artifactsOf({ candidate }: CandidateContext, name: string): string {
  return join(candidate.out, name.replaceAll(":", "+"));
}

function mostMiB({ candidate }: CandidateContext): number {
  return Math.min(candidate.artifactsMiB, candidate.create.limits?.diskMiB ?? Number.POSITIVE_INFINITY);
}

function refusal(error: unknown, context: CandidateContext, deadline: Deadline): Outcome {
  const failed = outcomeOf(error, context.signal);
  if (!(error instanceof SandboxError)) return failed;
  // Too little room on the host's disk is LIMIT, too.
  if (error.code === "LIMIT" && error.message.includes("maxBytes")) {
    const most = mostMiB(context);
    const flag = most < context.candidate.artifactsMiB ? "--disk-mib" : "--artifacts-mib";
    const largest = /The largest: (.*)\. Nothing was changed/s.exec(error.message)?.[1] ?? error.message;
    const shown = largest.replace(/(\d+) bytes/g, (_, bytes) => inUnits(Number(bytes) / 1024 / 1024));
    const reason = `its artifacts are too large; they may take ${inUnits(most)} a step (${flag}). The largest: ${shown}`;
    return { ...failed, reason, error: { code: error.code, message: reason } };
  }
  if (error.code === "TIMEOUT") {
    const time = `${deadline.timeoutMs / 1000} s, or in ${LEAST_EXPORT_MS / 1000} s where less was left`;
    return { ...failed, reason: `its artifacts could not be exported in what was left of its ${time}` };
  }
  return failed;
}

function atMost(skipped: Skipped[]): Skipped[] {
  const more = skipped.length - MOST_SKIPPED;
  if (more <= 0) return skipped;
  return [...skipped.slice(0, MOST_SKIPPED), { path: "…", reason: `and ${more} more were left out` }];
}
