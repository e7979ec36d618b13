import type { CandidateReport, Report, StepReport, Verdict } from "../types.js";
import { count, duration } from "./words.js";

const bestFirst: readonly Verdict[] = [
  ...(["passed", "cancelled", "flaky", "skipped", "failed", "timed-out", "error"] as const),
];

/** What a report says in one sentence. */
export function sentence(report: Report): string {
  const checks = report.candidates.flatMap((candidate) => candidate.checks);
  const passed = checks.filter(({ verdict }) => verdict === "passed").length;
  const word = report.interrupted ? "Interrupted" : report.passed ? "Passed" : "Failed";
  const passing = report.candidates.filter(({ verdict }) => verdict === "passed").length;
  const of =
    report.candidates.length > 1
      ? `${passing} of ${count(report.candidates.length, "candidate")}${report.any ? " (one is enough)" : ""} and `
      : "";
  const engine = report.engine === "" ? "" : ` on the ${report.engine} engine`;
  return `${word}: ${of}${passed} of ${count(checks.length, "check")} passed in ${duration(report.durationMs)}${engine}.`;
}

/** Candidates with those first that passed, then those with the most checks that did; of equals the faster one. */
export function ranked(candidates: readonly CandidateReport[]): CandidateReport[] {
  const passes = ({ checks }: CandidateReport) => checks.filter(({ verdict }) => verdict === "passed").length;
  const isPass = ({ verdict }: CandidateReport) => Number(verdict === "passed");
  return [...candidates].sort(
    (a, b) =>
      isPass(b) - isPass(a) ||
      passes(b) - passes(a) ||
      bestFirst.indexOf(a.verdict) - bestFirst.indexOf(b.verdict) ||
      a.durationMs - b.durationMs,
  );
}

/** In the order that they ran. */
export function stepsOf({ stages, checks }: CandidateReport): StepReport[] {
  return [...stages, ...checks];
}

/** It said no itself: not what was skipped or cancelled because of another. */
export function isProblem({ verdict }: StepReport): boolean {
  return verdict !== "passed" && verdict !== "skipped" && verdict !== "cancelled";
}

/** What failed first, else the end of what was printed: at most so many lines of it. */
export function firstLines({ firstFailure, tail, error }: StepReport, most: number): string {
  const lines = (firstFailure ?? tail).split("\n");
  if (firstFailure !== undefined) return lines.slice(0, most).join("\n");
  const last = lines.slice(-most).join("\n").trim();
  return last === "" ? (error?.message ?? "") : last;
}
