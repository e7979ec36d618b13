import { performance } from "../../timers.js";
import type { Step } from "../config/config.js";
import type { StepId, StepReport, Verdict } from "../types.js";
import type { CandidateContext } from "./context.js";
import { type Outcome, outcomeOf, whyAborted } from "./outcome.js";
import { clearResultsOf } from "./results.js";

/**
 * Runs a step when it gets a slot, between its events, and once more, told so, when its engine is lost. What it
 * throws becomes its verdict.
 */
export function runStep(
  context: CandidateContext,
  id: StepId,
  step: Step | undefined,
  body: (again: boolean) => Promise<Outcome>,
): Promise<StepReport> {
  const { emitter, slots } = context.run;
  return slots.run(async () => {
    if (context.signal.aborted) return notRun(context, id, step, "cancelled", whyAborted(context.signal));
    emitter.emit({ type: "step-started", step: id });
    const startedAt = new Date().toISOString();
    const started = performance.now();
    const outcome = await onceMoreWhenLost(context, id, body);
    const report: StepReport = {
      ...{ kind: id.kind, name: id.name, commands: step?.commands ?? [], startedAt },
      ...{ durationMs: Math.round(performance.now() - started), ...outcome },
      ...(step === undefined ? {} : { network: context.networkOf(id.kind, step) }),
    };
    emitter.emit({ type: "step-ended", step: id, report });
    if (report.verdict !== "passed" && report.verdict !== "skipped") context.notPassed(id.name);
    return report;
  });
}

async function onceMoreWhenLost(
  context: CandidateContext,
  id: StepId,
  body: (again: boolean) => Promise<Outcome>,
): Promise<Outcome> {
  const attempt = (again: boolean) => body(again).catch((error: unknown) => outcomeOf(error, context.signal));
  const first = await attempt(false);
  if (first.error?.code !== "ENGINE_LOST" || context.signal.aborted) return first;
  context.warn(`the engine was lost during ${id.name}, which was run again`);
  await clearResultsOf(context, id);
  return { ...(await attempt(true)), rerun: true };
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
