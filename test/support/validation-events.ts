import type {
  CandidateReport,
  Report,
  StepId,
  StepKind,
  StepReport,
  ValidationEvent,
  Verdict,
} from "../../src/validation/types.js";

/** A step's report with the fields that a test cares about. */
export function stepReport(
  kind: StepKind,
  name: string,
  verdict: Verdict,
  more: Partial<StepReport> = {},
): StepReport {
  const ran = verdict !== "skipped" && verdict !== "cancelled";
  return {
    kind,
    name,
    commands: kind === "sources" ? [] : [`npm run ${name}`],
    verdict,
    reason: verdict === "passed" ? "" : verdict,
    ...(ran && { startedAt: "2026-01-01T00:00:00.000Z" }),
    durationMs: ran ? 1200 : 0,
    tail: "",
    ...more,
  };
}

/** The report of candidates that have run. */
export function report(candidates: CandidateReport[], more: Partial<Report> = {}): Report {
  const passed = candidates.every(({ verdict }) => verdict === "passed");
  return {
    version: 1,
    passed,
    exitCode: passed ? 0 : 1,
    interrupted: false,
    any: false,
    startedAt: "2026-01-01T00:00:00.000Z",
    durationMs: 5000,
    engine: "local",
    candidates,
    warnings: [],
    ...more,
  };
}

export function candidateReport(
  name: string,
  steps: StepReport[],
  more: Partial<CandidateReport> = {},
): CandidateReport {
  const bad = steps.find(({ verdict }) => verdict !== "passed");
  return {
    name,
    directory: `/projects/${name}`,
    configFrom: "detected",
    verdict: bad?.verdict ?? "passed",
    durationMs: 5000,
    stages: steps.filter(({ kind }) => kind !== "check"),
    checks: steps.filter(({ kind }) => kind === "check"),
    warnings: [],
    ...more,
  };
}

/** The first event: candidates that each have setup, sources, build and these checks. */
export function started(names: string[], checks: Record<string, string[]>, repeat = 1): ValidationEvent {
  const stages = (["setup", "sources", "build"] as const).map((kind) => ({
    kind,
    name: kind,
    commands: kind === "sources" ? [] : [`npm run ${kind}`],
    needs: [],
  }));
  const steps = Object.entries(checks).map(([name, needs]) => ({
    kind: "check" as const,
    name,
    commands: [`npm run ${name}`],
    needs,
  }));
  return {
    type: "started",
    jobs: 4,
    repeat,
    candidates: names.map((name) => ({
      name,
      directory: `/projects/${name}`,
      configFrom: "detected",
      steps: [...stages, ...steps],
    })),
  };
}

export function stepId(candidate: string, kind: StepKind, name: string = kind, run = 1): StepId {
  return { candidate, kind, name, run };
}

export function stepStarted(step: StepId): ValidationEvent {
  return { type: "step-started", step };
}

export function stepOutput(step: StepId, text: string): ValidationEvent {
  return { type: "step-output", step, stream: "stdout", text };
}

export function stepEnded(step: StepId, verdict: Verdict, more: Partial<StepReport> = {}): ValidationEvent {
  return { type: "step-ended", step, report: stepReport(step.kind, step.name, verdict, more) };
}
