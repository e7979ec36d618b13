import type { Check } from "../config/config.js";
import type { StepReport } from "../types.js";
import type { CandidateContext } from "./context.js";
import { runInFork } from "./fork-run.js";
import { endOf, Ground } from "./ground.js";
import type { Outcome } from "./outcome.js";
import { notRunBecause, runStep } from "./step.js";
import { overRuns } from "./verdicts.js";

/** Runs all checks, each in a fork, as soon as what it needs has passed and a slot is free. */
export async function runChecks(context: CandidateContext, built: Ground): Promise<StepReport[]> {
  const { checks } = context.candidate.config;
  const startedFrom = new Set(checks.map(({ from }) => from));
  /** The ends that other checks start from. */
  const ends = new Map<string, Ground>();
  const reports = new Map<string, Promise<StepReport>>();

  const reportOf = (check: Check): Promise<StepReport> => {
    const known = reports.get(check.name);
    if (known !== undefined) return known;
    const report = runCheck(check);
    reports.set(check.name, report);
    return report;
  };
  const runCheck = async (check: Check): Promise<StepReport> => {
    const needs = checks.filter(({ name }) => check.needs.includes(name));
    const broken = (await Promise.all(needs.map(reportOf))).find(({ verdict }) => verdict !== "passed");
    if (broken !== undefined) return notRunBecause(context, context.id("check", check.name), check, broken);
    const parent = check.from === undefined ? built : (ends.get(check.from) ?? built);
    const runs = await Promise.all(
      Array.from({ length: context.run.repeat }, (_, index) => runOnce(check, index + 1, parent)),
    );
    return combined(runs);
  };
  const runOnce = (check: Check, run: number, parent: Ground): Promise<StepReport> => {
    const id = context.id("check", check.name, run);
    const inFork = async (again: boolean) => runInFork(context, id, check, await parent.get(again));
    return runStep(context, id, check, async (again): Promise<Outcome> => {
      const { outcome, end } = await inFork(again);
      if (end !== undefined && run === 1 && startedFrom.has(check.name)) {
        ends.set(check.name, new Ground(end, async () => endOf(check.name, await inFork(true))));
      } else await end?.close();
      return outcome;
    });
  };

  try {
    return await settled(checks.map(reportOf));
  } finally {
    await Promise.all([...ends.values()].map((end) => end.close()));
  }
}

/** All of them, or the first rejection once none runs any more. */
async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** One report of several runs: that of the run that decided, with all of them in it. */
function combined(runs: readonly StepReport[]): StepReport {
  const verdict = overRuns(runs.map((run) => run.verdict));
  const deciding =
    runs.find((run) => run.verdict === verdict) ?? runs.find((run) => run.verdict !== "passed") ?? runs[0];
  if (deciding === undefined) throw new Error("a check has at least one run");
  if (runs.length === 1) return deciding;
  const passes = runs.filter((run) => run.verdict === "passed").length;
  const reason =
    verdict === "flaky"
      ? `passed ${passes} of ${runs.length} times, else: ${deciding.reason}`
      : deciding.reason;
  const durationMs = Math.max(...runs.map((run) => run.durationMs));
  return { ...deciding, verdict, reason, durationMs, runs: [...runs] };
}
