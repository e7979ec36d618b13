import type { StepReport, Verdict } from "../../validation/types.js";
import { inFlags } from "../flag-names.js";
import type { Theme } from "./terminal.js";

/** The coloured sign of a verdict. */
export function signOf(verdict: Verdict, t: Theme): string {
  switch (verdict) {
    case "passed":
      return t.green(t.signs.passed);
    case "failed":
      return t.red(t.signs.failed);
    case "timed-out":
      return t.red(t.signs.timedOut);
    case "error":
      return t.red(t.signs.error);
    case "flaky":
      return t.yellow(t.signs.flaky);
    case "skipped":
      return t.yellow(t.signs.skipped);
    case "cancelled":
      return t.yellow(t.signs.cancelled);
  }
}

/** What there is to say of a step that ended beside its sign: nothing for a plain pass. */
export function remarkOf(report: StepReport): string {
  const said = report.reason !== "" || report.verdict === "passed" ? inFlags(report.reason) : report.verdict;
  const cached = report.cached && !/cache/.test(said) ? "from the cache" : "";
  const rerun = report.rerun && !/rerun|again/.test(said) ? "run again after its engine was lost" : "";
  return [said, tally(report), cached, rerun].filter((part) => part !== "").join("; ");
}

/** Of the runners' own counts: nothing where they ran no test, which the reason says. */
function tally({ tests }: StepReport): string {
  if (tests === undefined || tests.passed + tests.failed === 0) return "";
  const parts = (["failed", "passed", "skipped"] as const).map((kind) => [tests[kind], kind] as const);
  return `tests: ${parts.flatMap(([n, kind]) => (n > 0 ? [`${n} ${kind}`] : [])).join(", ")}`;
}
