import { constants } from "node:os";
import { join } from "node:path";
import { SandboxError } from "../errors.js";
import type { Sandbox } from "../sandbox.js";
import type { Build, Step } from "./config.js";
import type { CandidateContext } from "./context.js";
import { Tail } from "./tail.js";
import type { Artifacts, StepId, StepReport, Verdict } from "./types.js";

/** What came of a step. */
export type Outcome = Pick<StepReport, "verdict" | "reason" | "tail"> &
  Partial<Pick<StepReport, "exitCode" | "cached" | "artifacts" | "rerun" | "error">>;

export const passed: Outcome = { verdict: "passed", reason: "", tail: "" };

/** Runs a step when it gets a slot, between its events. What it throws becomes its verdict. */
export function runStep(
  context: CandidateContext,
  id: StepId,
  step: Step | undefined,
  body: () => Promise<Outcome>,
): Promise<StepReport> {
  const { emitter, slots } = context.run;
  return slots.run(async () => {
    if (context.signal.aborted) return notRun(context, id, step, "cancelled", whyAborted(context.signal));
    emitter.emit({ type: "step-started", step: id });
    const startedAt = new Date().toISOString();
    const started = performance.now();
    const outcome = await body().catch((error: unknown) => outcomeOf(error, context.signal));
    const report: StepReport = {
      ...{ kind: id.kind, name: id.name, commands: step?.commands ?? [], startedAt },
      ...{ durationMs: Math.round(performance.now() - started), ...outcome },
      ...(step === undefined ? {} : { network: context.networkOf(id.kind, step) }),
    };
    emitter.emit({ type: "step-ended", step: id, report });
    if (report.verdict !== "passed") context.notPassed(id.name);
    return report;
  });
}

/** The report of a step that never starts because what it needs did not pass. */
export function notRunBecause(
  context: CandidateContext,
  id: StepId,
  step: Step | undefined,
  broken: StepReport,
): StepReport {
  const verdict = broken.verdict === "cancelled" ? "cancelled" : "skipped";
  return notRun(context, id, step, verdict, `needs ${broken.name}, which ${ended[broken.verdict]}`);
}

const ended: Readonly<Record<Verdict, string>> = {
  passed: "passed",
  failed: "failed",
  "timed-out": "timed out",
  skipped: "was skipped",
  cancelled: "was cancelled",
  flaky: "is flaky",
  error: "could not be run",
};

function notRun(
  context: CandidateContext,
  id: StepId,
  step: Step | undefined,
  verdict: Verdict,
  reason: string,
): StepReport {
  const report: StepReport = {
    ...{ kind: id.kind, name: id.name, commands: step?.commands ?? [] },
    ...{ verdict, reason, durationMs: 0, tail: "" },
  };
  context.run.emitter.emit({ type: "step-ended", step: id, report });
  return report;
}

/**
 * Runs a step's commands in a fork and exports its artifacts; once more when its engine is lost. `end` is the
 * fork, the caller's to close, where the step passed.
 */
export async function runInFork(
  context: CandidateContext,
  id: StepId,
  step: Step | Build,
  parent: Sandbox,
): Promise<{ outcome: Outcome; end?: Sandbox }> {
  const first = await attempt(context, id, step, parent);
  if (first.outcome.error?.code !== "ENGINE_LOST" || context.signal.aborted) return first;
  context.warn(`the engine was lost during ${id.name}, which was run again`);
  const second = await attempt(context, id, step, parent);
  return { ...second, outcome: { ...second.outcome, rerun: true } };
}

async function attempt(
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

/** Exports what there is, also of a step that failed; what goes wrong with it counts only where all was well. */
async function withArtifacts(
  context: CandidateContext,
  id: StepId,
  step: Build,
  sandbox: Sandbox,
  outcome: Outcome,
): Promise<Outcome> {
  const ofRun = context.run.repeat > 1 && id.kind === "check" ? [`run-${id.run}`] : [];
  // A colon is no part of a file name everywhere that artifacts are carried to.
  const directory = join(context.candidate.out, id.name.replaceAll(":", "-"), ...ofRun);
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

function exited(exitCode: number): Pick<Outcome, "verdict" | "reason"> {
  if (exitCode === 127) return { verdict: "error", reason: "exit code 127: a program was not found" };
  if (exitCode === 126) return { verdict: "error", reason: "exit code 126: a program can't be executed" };
  const signal = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0];
  return { verdict: "failed", reason: `exit code ${exitCode}${signal === undefined ? "" : ` (${signal})`}` };
}

/** The verdict that an error means. What is no SandboxError is a mistake of forkbox's own and thrown on. */
function outcomeOf(error: unknown, signal: AbortSignal, timeoutMs?: number): Outcome {
  if (!(error instanceof SandboxError)) throw error;
  const { code, message, operation } = error;
  if (signal.aborted && (code === "ABORTED" || code === "CLOSED")) {
    return { verdict: "cancelled", reason: whyAborted(signal), tail: "" };
  }
  const told = { reason: message, tail: "", error: { code, message } };
  if (code === "TIMEOUT") {
    const after = timeoutMs === undefined ? message : `timed out after ${timeoutMs / 1000} s`;
    return { verdict: "timed-out", reason: after, tail: "", error: { code, message } };
  }
  const said = code === "SECRET_LEAK" || (code === "LIMIT" && operation === "exec");
  return { verdict: said ? "failed" : "error", ...told };
}

function whyAborted(signal: AbortSignal): string {
  return signal.reason instanceof Error ? signal.reason.message : "interrupted";
}
