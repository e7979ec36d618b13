import type { CandidateReport, ExitCode, Report, StepReport, Verdict } from "../types.js";

/**
 * Worst first. What was skipped was so because of another, which counts, or because its tool is not there, which is no
 * fault; but where nothing passed, nothing was checked.
 */
const worstFirst: readonly Verdict[] = [
  ...(["error", "timed-out", "failed", "flaky", "cancelled", "passed", "skipped"] as const),
];

/** The worst of them; passed when there is nothing else. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return worstFirst.find((verdict) => verdicts.includes(verdict)) ?? "passed";
}

/** One verdict of several runs of one check. */
export function overRuns(verdicts: readonly Verdict[]): Verdict {
  const ended = verdicts.filter((verdict) => verdict !== "cancelled");
  const disagree = ended.includes("passed") && ended.some((verdict) => verdict !== "passed");
  if (disagree && !ended.includes("error")) return "flaky";
  return worst(verdicts);
}

/**
 * What a process that ran a validation exits with: 0 passed, 130 interrupted, 3 no engine or an engine lost
 * again after one rerun, 2 a config or an option that can't be, 1 anything else that did not pass.
 */
export function exitCode(
  report: Pick<Report, "passed" | "interrupted"> & {
    candidates: readonly Pick<CandidateReport, "error" | "stages" | "checks">[];
  },
): ExitCode {
  if (report.interrupted) return 130;
  if (report.passed) return 0;
  const codes = report.candidates.flatMap(({ error, stages, checks }) => [
    error?.code,
    ...[...stages, ...checks].map((step: StepReport) => step.error?.code),
  ]);
  if (codes.some((code) => code?.startsWith("ENGINE_"))) return 3;
  return codes.some((code) => code === "INVALID_ARGUMENT" || code === "UNSUPPORTED") ? 2 : 1;
}
