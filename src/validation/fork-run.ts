import { rm } from "node:fs/promises";
import { join } from "node:path";
import { SandboxError } from "../errors.js";
import { hostError } from "../host/errors.js";
import type { Sandbox } from "../sandbox.js";
import { performance } from "../timers.js";
import type { Build, Step } from "./config.js";
import type { CandidateContext } from "./context.js";
import { exited, type Outcome, outcomeOf, passed } from "./outcome.js";
import { Tail } from "./tail.js";
import type { Artifacts, StepId } from "./types.js";

/** Runs a step's commands in a fork and exports its artifacts. `end` is the fork, the caller's to close, where it passed. */
export async function runInFork(
  context: CandidateContext,
  id: StepId,
  step: Step | Build,
  parent: Sandbox,
): Promise<{ outcome: Outcome; end?: Sandbox }> {
  let fork: Sandbox | undefined;
  let outcome: Outcome;
  try {
    fork = await parent.fork({ signal: context.signal });
    outcome = await runCommands(context, id, step, fork);
    if ("artifacts" in step && step.artifacts.length > 0 && outcome.verdict !== "cancelled") {
      outcome = await withArtifacts(context, id, step, fork, outcome);
    }
  } catch (error) {
    outcome = outcomeOf(error, context.signal);
  }
  if (outcome.verdict === "passed" && fork !== undefined) return { outcome, end: fork };
  await fork?.close();
  return { outcome };
}

async function runCommands(
  context: CandidateContext,
  id: StepId,
  step: Step,
  sandbox: Sandbox,
): Promise<Outcome> {
  const { environment } = context.candidate;
  const { emitter } = context.run;
  const tail = new Tail();
  const show = (stream: "stdout" | "stderr") => (text: string) => {
    if (context.can.liveOutput === "bytes") tail.push(text);
    emitter.emit({ type: "step-output", step: id, stream, text });
  };
  const deadline = performance.now() + step.timeoutMs;
  for (const command of step.commands) {
    try {
      const result = await sandbox.exec(command, {
        ...environment.of(id.kind, step),
        network: context.networkOf(id.kind, step),
        timeoutMs: Math.max(1, Math.ceil(deadline - performance.now())),
        signal: context.signal,
        onStdout: show("stdout"),
        onStderr: show("stderr"),
      });
      // Live output that is best effort may miss some.
      if (context.can.liveOutput === "text") tail.push(result.stdout + result.stderr);
      if (result.exitCode !== 0)
        return { ...exited(result.exitCode), exitCode: result.exitCode, tail: `${tail}` };
    } catch (error) {
      if (tail.isEmpty && error instanceof SandboxError)
        tail.push(`${error.stdout ?? ""}${error.stderr ?? ""}`);
      return { ...outcomeOf(error, context.signal, step.timeoutMs), tail: `${tail}` };
    }
  }
  return passed;
}

/** Takes away what an earlier run exported: it would pass for this one's. */
export async function clearArtifacts(context: CandidateContext): Promise<void> {
  const { build, checks } = context.candidate.config;
  const steps = [...(build ? [{ ...build, name: "build" }] : []), ...checks];
  for (const { name, artifacts } of steps) {
    if (artifacts.length === 0) continue;
    const directory = artifactsOf(context, name);
    await rm(directory, { recursive: true, force: true }).catch((error: unknown) => {
      throw hostError(error, "validate", "Can't replace the artifacts of an earlier run in", directory);
    });
  }
}

/** A colon can't be in a file name everywhere that artifacts are carried to; a plus is in no name of a check. */
function artifactsOf({ candidate }: CandidateContext, name: string): string {
  return join(candidate.out, name.replaceAll(":", "+"));
}

/** Exports what there is, also of a step that failed; what goes wrong with it counts only where all was well. */
async function withArtifacts(
  context: CandidateContext,
  id: StepId,
  step: Build,
  sandbox: Sandbox,
  outcome: Outcome,
): Promise<Outcome> {
  const ofRun = context.run.repeat > 1 && id.kind === "check" ? [`run-${id.run}`] : [];
  const directory = join(artifactsOf(context, id.name), ...ofRun);
  try {
    const exported = await sandbox.exportDirectory(".", directory, {
      include: step.artifacts,
      replace: true,
      signal: context.signal,
    });
    const artifacts: Artifacts = { directory, ...exported };
    if (artifacts.files === 0)
      context.warn(`no file matches the artifacts of ${id.name}: ${step.artifacts.join(", ")}`);
    context.run.emitter.emit({ type: "artifacts-exported", step: id, artifacts });
    return { ...outcome, artifacts };
  } catch (error) {
    const failed = outcomeOf(error, context.signal);
    context.warn(`artifacts of ${id.name} were not exported: ${failed.reason}`);
    return outcome.verdict === "passed" ? { ...failed, tail: outcome.tail } : outcome;
  }
}
