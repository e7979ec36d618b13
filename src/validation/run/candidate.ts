import { performance } from "../../timers.js";
import type { RefusedCandidate } from "../plan.js";
import type { CandidateReport, StepReport } from "../types.js";
import { runChecks } from "./checks.js";
import type { CandidateContext, Run } from "./context.js";
import { clearResults } from "./results.js";
import { runStages } from "./stages.js";
import { notRunBecause } from "./step.js";
import { worst } from "./verdicts.js";

/** Runs one candidate: its stages, and its checks where they passed. */
export async function runCandidate(context: CandidateContext): Promise<CandidateReport> {
  const { candidate, run } = context;
  run.emitter.emit({ type: "candidate-started", candidate: candidate.name });
  const started = performance.now();
  await clearResults(context);
  const { stages, built } = await runStages(context);
  const broken = stages.find(({ verdict }) => verdict !== "passed");
  let checks: StepReport[];
  if (built === undefined) {
    checks = candidate.config.checks.map((check) =>
      notRunBecause(context, context.id("check", check.name), check, broken as StepReport),
    );
  } else {
    checks = await runChecks(context, built).finally(() => built.close());
  }
  const report: CandidateReport = {
    ...{ name: candidate.name, directory: candidate.directory, configFrom: candidate.config.from },
    // Where all stages passed, checks decide: nothing is passed by having been built.
    verdict: worst((broken === undefined ? checks : stages).map(({ verdict }) => verdict)),
    durationMs: Math.round(performance.now() - started),
    ...{ stages, checks, warnings: context.warnings },
  };
  run.emitter.emit({ type: "candidate-ended", candidate: candidate.name, report });
  return report;
}

/** The report of a candidate that brought a config which was refused, or nothing to check. */
export function refuseCandidate(
  { emitter }: Run,
  { name, directory, error }: RefusedCandidate,
): CandidateReport {
  const { code, message, path } = error;
  const report: CandidateReport = {
    ...{ name, directory, configFrom: path ?? directory, verdict: "error", error: { code, message } },
    ...{ durationMs: 0, stages: [], checks: [], warnings: [] },
  };
  emitter.emit({ type: "candidate-started", candidate: name });
  emitter.emit({ type: "candidate-ended", candidate: name, report });
  return report;
}
