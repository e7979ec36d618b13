import { type EngineLease, leaseEngine } from "../engines/choose.js";
import { SandboxError } from "../errors.js";
import { performance } from "../timers.js";
import type { Candidate, Plan } from "./plan.js";
import { checkReportFiles, writeReports } from "./reports/write.js";
import { refuseCandidate, runCandidate } from "./run/candidate.js";
import { CandidateContext, type Run } from "./run/context.js";
import { Emitter } from "./run/emitter.js";
import { Slots } from "./run/slots.js";
import { usualOutputs } from "./run/usual-outputs.js";
import { exitCode } from "./run/verdicts.js";
import type { CandidatePlan, CandidateReport, Report, StepKind, ValidateSpec } from "./types.js";

/**
 * Builds a project once in a sandbox, runs all of its checks in parallel forks, exports the artifacts, and says
 * what passed. Several directories are candidates that are judged alike. What did not pass is in the report, an
 * abort while it runs included; `spec.onEvent` hears what happens as it happens.
 *
 * @throws SandboxError INVALID_ARGUMENT for a spec or config that can't be right, nothing to check included;
 * ENGINE_UNAVAILABLE and UNSUPPORTED with what to do; ABORTED when it was aborted before anything ran. With
 * several candidates, a config that one of them brought makes only that one fail. What `onEvent` throws.
 *
 * @example
 * ```ts
 * import { validate } from "forkbox";
 *
 * const report = await validate({
 *   directories: ["./candidate-1", "./candidate-2"],
 *   config: { build: "npm run build", checks: { test: "npm test", lint: "npm run lint" } },
 *   onEvent: (event) => {
 *     if (event.type === "step-ended") console.log(event.step.name, event.report.verdict);
 *   },
 * });
 * process.exitCode = report.exitCode;
 * ```
 */
export async function validate(given: ValidateSpec = {}): Promise<Report> {
  // Later than this file: it loads what reads configs, which those who only use sandboxes don't need.
  const { checkSpec, makePlan } = await import("./plan.js");
  const spec = checkSpec(given);
  const startedAt = new Date();
  const started = performance.now();
  const stop = new AbortController();
  const onAbort = () => stop.abort(new Error("interrupted", { cause: spec.signal?.reason }));
  if (spec.signal?.aborted) onAbort();
  spec.signal?.addEventListener("abort", onAbort);
  const leases: EngineLease[] = [];
  try {
    const plan = await makePlan(spec);
    await checkReportFiles(plan.reports);
    const emitter = new Emitter(spec.onEvent, plan.redactor, () => stop.abort());
    const run: Run = {
      ...{ emitter, slots: new Slots(plan.jobs), repeat: plan.repeat, setups: new Map() },
      fresh: spec.fresh ?? false,
    };
    const prepared = [];
    for (const candidate of plan.candidates) {
      prepared.push("error" in candidate ? candidate : await prepare(candidate, run, spec, stop, leases));
    }
    if (stop.signal.aborted) throw abortedEarly(spec.signal?.reason);
    const { jobs, repeat } = plan;
    emitter.emit({ type: "started", candidates: plan.candidates.map(planOf), jobs, repeat });
    const candidates = await settled(
      prepared.map(async (item) =>
        item instanceof CandidateContext ? runCandidate(item) : refuseCandidate(run, item),
      ),
    );
    await emitter.throwIfListenerThrew();
    const engine = [...new Set(leases.map((lease) => lease.engine.name))].join(", ");
    const durationMs = Math.round(performance.now() - started);
    const found = overall(spec, candidates, { startedAt: startedAt.toISOString(), durationMs, engine });
    const report = emitter.redacted(found);
    await writeReports(report, plan.reports);
    emitter.emit({ type: "report", report });
    await emitter.throwIfListenerThrew();
    return report;
  } finally {
    spec.signal?.removeEventListener("abort", onAbort);
    await Promise.all(leases.map((lease) => lease.release()));
  }
}

/** Starts the engine of a candidate, and looks whether it can do what is asked, before anything runs. */
async function prepare(
  candidate: Candidate,
  run: Run,
  { failFast = false, any = false, signal }: ValidateSpec,
  stop: AbortController,
  leases: EngineLease[],
): Promise<CandidateContext> {
  const lease = await leaseEngine(candidate.create.engine, candidate.create.base, signal);
  leases.push(lease);
  const can = await lease.engine.capabilities(signal);
  // With `any`, one that fails must not take the others with it.
  const own = new AbortController();
  stop.signal.addEventListener("abort", () => own.abort(stop.signal.reason));
  const cancelled = any ? own : stop;
  const context = new CandidateContext(
    run,
    candidate,
    { engine: lease.engine, can },
    {
      signal: own.signal,
      failFast: (what) => {
        if (failFast) cancelled.abort(new Error(`fail-fast: ${what} did not pass`));
      },
    },
  );
  const { setup, build } = candidate.config;
  // What installs without a network tries for more than a minute: it is said before.
  if (setup) context.networkOf("setup", setup);
  if (build) context.networkOf("build", build);
  const { environment } = candidate;
  if (
    (setup && environment.lacksProxyPassword("setup", setup)) ||
    (build && environment.lacksProxyPassword("build", build))
  )
    context.warn('setup and build get your proxy without its password, unless you say registries: ["proxy"]');
  return context;
}

function abortedEarly(cause: unknown): SandboxError {
  return new SandboxError("ABORTED", "validate was aborted before anything ran", {
    operation: "validate",
    cause,
  });
}

function overall(
  { any = false, signal }: ValidateSpec,
  candidates: CandidateReport[],
  times: Pick<Report, "startedAt" | "durationMs" | "engine">,
): Report {
  const passes = (candidate: CandidateReport) => candidate.verdict === "passed";
  const passed = any ? candidates.some(passes) : candidates.every(passes);
  const interrupted = signal?.aborted === true && candidates.some(wasCancelled);
  const found = { passed, interrupted, any, candidates };
  const warnings = candidates.flatMap((candidate) =>
    candidate.warnings.map((warning) =>
      candidates.length === 1 ? warning : `${candidate.name}: ${warning}`,
    ),
  );
  return { version: 1, ...found, exitCode: exitCode(found), ...times, warnings };
}

function wasCancelled({ stages, checks }: CandidateReport): boolean {
  return [...stages, ...checks].some(({ verdict }) => verdict === "cancelled");
}

function planOf(candidate: Plan["candidates"][number]): CandidatePlan {
  const { name, directory } = candidate;
  if ("error" in candidate)
    return { name, directory, configFrom: candidate.error.path ?? directory, steps: [] };
  const { from, setup, build, checks } = candidate.config;
  const artifactsOf = (kind: StepKind, asked: readonly string[]) =>
    asked.length === 0 && candidate.usualOutputs ? usualOutputs(kind) : [...asked];
  return {
    ...{ name, directory, configFrom: from },
    steps: [
      ...(setup ? [planned("setup", "setup", setup.commands)] : []),
      planned("sources", "sources", []),
      ...(build ? [planned("build", "build", build.commands, artifactsOf("build", build.artifacts))] : []),
      ...checks.map(({ name, commands, needs, artifacts }) => ({
        ...planned("check", name, commands, artifactsOf("check", artifacts)),
        needs: [...needs],
      })),
    ],
  };
}

function planned(
  kind: StepKind,
  name: string,
  commands: string[],
  artifacts: string[] = [],
): CandidatePlan["steps"][number] {
  return { kind, name, commands, needs: [], ...(artifacts.length > 0 && { artifacts }) };
}

async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
