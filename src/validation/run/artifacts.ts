import { SandboxError } from "../../errors.js";
import { compileGlobs } from "../../host/selection/globs.js";
import type { Skipped } from "../../options.js";
import type { Sandbox } from "../../sandbox/sandbox.js";
import type { Build, Step } from "../config/config.js";
import { LOG_NAME } from "../output/log.js";
import type { Artifacts, StepId } from "../types.js";
import type { CandidateContext } from "./context.js";
import type { Deadline } from "./deadline.js";
import { type Outcome, outcomeOf } from "./outcome.js";
import { resultsOf } from "./results.js";
import { inUnits } from "./units.js";
import { USUAL_EXCLUDE, usualOutputsIn } from "./usual-outputs.js";

/** A step that used up its time can still bring its log. */
const LEAST_EXPORT_MS = 10_000;
/** More of what was left out, which sandboxed code decides, is only counted. */
const MOST_SKIPPED = 1000;

/**
 * Exports what there is, also of a step that failed. What goes wrong with what was asked for counts where all else
 * was well; the usual outputs, which nobody asked for, fail nothing.
 */
export async function withArtifacts(
  context: CandidateContext,
  id: StepId,
  step: Step | Build,
  sandbox: Sandbox,
  outcome: Outcome,
  deadline: Deadline,
): Promise<Outcome> {
  const asked = "artifacts" in step ? step.artifacts : [];
  const isAsked = asked.length > 0;
  if (!isAsked && !context.candidate.usualOutputs) return outcome;
  try {
    const include = isAsked ? asked : await usualOutputsIn(sandbox, id.kind, context.signal);
    if (include.length === 0) return outcome;
    if (isAsked) await warnOfLogName(context, id, include, sandbox);
    const directory = resultsOf(context, id);
    const { skipped, ...exported } = await sandbox.exportDirectory(".", directory, {
      include,
      exclude: [LOG_NAME, ...(isAsked ? [] : USUAL_EXCLUDE)],
      timeoutMs: deadline.left(LEAST_EXPORT_MS),
      maxBytes: Math.ceil(mostMiB(context) * 1024 * 1024),
      signal: context.signal,
    });
    const artifacts: Artifacts = { directory, ...exported, skipped: atMost(skipped) };
    if (exported.files === 0)
      context.warn(`no file matches the artifacts of ${id.name}: ${include.join(", ")}`);
    context.run.emitter.emit({ type: "artifacts-exported", step: id, artifacts });
    return { ...outcome, artifacts };
  } catch (error) {
    const failed = refusal(error, context, deadline);
    context.warn(`artifacts of ${id.name} were not exported: ${failed.reason}`);
    return outcome.verdict === "passed" && isAsked ? { ...failed, tail: outcome.tail } : outcome;
  }
}

/** The step's own output has that name there. */
async function warnOfLogName(
  context: CandidateContext,
  { name }: StepId,
  globs: readonly string[],
  sandbox: Sandbox,
): Promise<void> {
  const covered = compileGlobs(globs, { operation: "validate", option: "artifacts" }).covers(LOG_NAME);
  if (!covered || (await sandbox.stat(LOG_NAME, { signal: context.signal })) === undefined) return;
  context.warn(
    `${LOG_NAME} was left out of the artifacts of ${name}: what the step printed has that name there`,
  );
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
