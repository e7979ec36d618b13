import type { StepId, StepKind, StepReport, ValidationEvent, Verdict } from "../../validation/types.js";
import { oneLine } from "./terminal.js";

/** One step as it stands: what a view of a running validation draws. */
export interface StepView {
  kind: StepKind;
  name: string;
  commands: string[];
  needs: string[];
  state: "waiting" | "running" | "ended";
  /** `performance.now()` of its start. */
  startedAt?: number;
  /** The last line with something on it. */
  lastLine: string;
  report?: StepReport;
}

export interface CandidateView {
  name: string;
  directory: string;
  configFrom: string;
  steps: StepView[];
  verdict?: Verdict;
}

// More than the widest terminal shows of a line.
const LONGEST_LINE = 1000;

/** Events folded into how things stand. Repeated runs of a check are one step. */
export class Progress {
  readonly candidates: CandidateView[] = [];
  readonly startedAt: number;
  jobs = 0;
  repeat = 1;
  readonly #endedRuns = new Map<StepView, number>();
  readonly #unfinished = new Map<StepView, string>();

  constructor(now: number) {
    this.startedAt = now;
  }

  /** All of the event's text is made harmless on its way in: names and reasons are a candidate's words, too. */
  apply(event: ValidationEvent, now: number): void {
    switch (event.type) {
      case "started":
        this.jobs = event.jobs;
        this.repeat = event.repeat;
        for (const { name, directory, configFrom, steps } of event.candidates)
          this.candidates.push({
            name: oneLine(name),
            directory: oneLine(directory),
            configFrom: oneLine(configFrom),
            steps: steps.map((step) => ({
              kind: step.kind,
              name: oneLine(step.name),
              commands: step.commands.map(oneLine),
              needs: step.needs.map(oneLine),
              state: "waiting",
              lastLine: "",
            })),
          });
        return;
      case "step-started": {
        const step = this.step(event.step);
        if (!step) return;
        step.state = "running";
        step.startedAt ??= now;
        return;
      }
      case "step-output": {
        const step = this.step(event.step);
        if (step) this.#output(step, event.text);
        return;
      }
      case "step-ended": {
        const step = this.step(event.step);
        if (step) this.#ended(step, event.report);
        return;
      }
      case "candidate-ended": {
        const candidate = this.candidates.find(({ name }) => name === oneLine(event.candidate));
        if (!candidate) return;
        candidate.verdict = event.report.verdict;
        return;
      }
    }
  }

  step(id: StepId): StepView | undefined {
    const candidate = this.candidates.find(({ name }) => name === oneLine(id.candidate));
    return candidate?.steps.find(({ kind, name }) => kind === id.kind && name === oneLine(id.name));
  }

  #output(step: StepView, text: string): void {
    // Only the end of a long line can be shown, and it may never end.
    const lines = ((this.#unfinished.get(step) ?? "") + text).slice(-8 * LONGEST_LINE).split(/\r\n|[\r\n]/);
    this.#unfinished.set(step, lines.at(-1) ?? "");
    for (const line of lines.reverse()) {
      const shown = oneLine(line.slice(0, LONGEST_LINE));
      if (shown === "") continue;
      step.lastLine = shown;
      return;
    }
  }

  #ended(step: StepView, report: StepReport): void {
    const runs = (this.#endedRuns.get(step) ?? 0) + 1;
    this.#endedRuns.set(step, runs);
    const worse = !step.report || step.report.verdict === "passed";
    const flaky = step.report !== undefined && step.report.verdict !== report.verdict;
    if (worse) step.report = { ...report, reason: oneLine(report.reason) };
    if (flaky && step.report) step.report = { ...step.report, verdict: "flaky" };
    const neverStarted = step.startedAt === undefined;
    if (neverStarted || step.kind !== "check" || runs >= this.repeat) step.state = "ended";
  }
}
