import { clip, duration, near, pad, width } from "./format.js";
import type { CandidateView, Progress, StepView } from "./progress.js";
import { remarkOf, signOf } from "./signs.js";
import type { Theme } from "./terminal.js";

/** What a frame is drawn for. */
export interface Frame {
  columns: number;
  rows: number;
  now: number;
  theme: Theme;
}

/** A running validation as lines that fit the terminal: a tree of one candidate, or a table of several. */
export function drawProgress(progress: Progress, frame: Frame): string[] {
  const [only, ...others] = progress.candidates;
  if (!only) return [];
  const lines = others.length === 0 ? tree(only, frame) : candidateTable(progress.candidates, frame);
  const t = frame.theme;
  lines.push(t.dim(`${duration(frame.now - progress.startedAt)}, at most ${progress.jobs} at once`));
  return lines.map((line) => clip(line, frame.columns - 1, t.signs.ellipsis));
}

function tree(candidate: CandidateView, frame: Frame): string[] {
  const t = frame.theme;
  const stages = candidate.steps.filter(({ kind }) => kind !== "check");
  const checks = candidate.steps.filter(({ kind }) => kind === "check");
  const done = checks.filter(({ state }) => state === "ended").length;
  const nameWidth = Math.min(24, Math.max(6, ...candidate.steps.map(({ name }) => width(name))));
  const room = frame.rows - stages.length - 4;
  const { shown, folded } = foldTo(checks, room, t);
  const branches = [...shown.map((step) => stepLine(step, candidate, nameWidth, frame)), ...folded];
  return [
    `${t.bold(candidate.name)}  ${t.dim(`checks: ${near(candidate.configFrom)}`)}`,
    // Checks are indented by two: the times stay in one column.
    ...stages.map((step) => stepLine(step, candidate, nameWidth + 2, frame)),
    `${t.bold("checks")} ${done}/${checks.length}`,
    ...branches.map(
      (line, i) => `${t.dim(i === branches.length - 1 ? t.signs.lastBranch : t.signs.branch)} ${line}`,
    ),
  ];
}

/** What ended or waits gives way when there are more steps than rows. */
function foldTo(steps: readonly StepView[], rows: number, t: Theme): { shown: StepView[]; folded: string[] } {
  if (steps.length <= rows) return { shown: [...steps], folded: [] };
  const weight = (step: StepView) =>
    step.state === "running" ? 0 : step.state === "ended" && step.report?.verdict !== "passed" ? 1 : 2;
  const kept = new Set([...steps].sort((a, b) => weight(a) - weight(b)).slice(0, Math.max(1, rows - 1)));
  const shown = steps.filter((step) => kept.has(step));
  const rest = steps.filter((step) => !kept.has(step));
  return { shown, folded: [t.dim(`and ${tally(rest)}`)] };
}

function tally(steps: readonly StepView[]): string {
  const counts = new Map<string, number>();
  for (const { state, report } of steps) {
    const word = state === "ended" ? (report?.verdict ?? "ended") : state;
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, n]) => `${n} ${word}`).join(", ");
}

function stepLine(step: StepView, candidate: CandidateView, nameWidth: number, frame: Frame): string {
  const { theme: t } = frame;
  const name = pad(clip(step.name, nameWidth, t.signs.ellipsis), nameWidth);
  const time = (ms: number) => duration(ms).padStart(7);
  switch (step.state) {
    case "running": {
      const last = step.lastLine === "" ? (step.commands.at(-1) ?? "") : step.lastLine;
      return `${spinner(frame)} ${name} ${time(frame.now - (step.startedAt ?? frame.now))}  ${t.dim(last)}`;
    }
    case "waiting": {
      const open = step.needs.filter((need) => !hasEnded(candidate, need));
      const why = open.length > 0 ? `waits for ${open.join(", ")}` : "";
      return t.dim(`${t.signs.waiting} ${name} ${" ".repeat(7)}  ${why}`.trimEnd());
    }
    case "ended": {
      const { report } = step;
      if (!report) return name;
      const remark = remarkOf(report);
      const ran = report.startedAt === undefined ? " ".repeat(7) : time(report.durationMs);
      const line = `${signOf(report.verdict, t)} ${name} ${ran}`;
      if (remark === "") return line.trimEnd();
      return `${line}  ${report.verdict === "passed" ? t.dim(remark) : remark}`;
    }
  }
}

function hasEnded(candidate: CandidateView, check: string): boolean {
  return candidate.steps.some(
    ({ kind, name, state }) => kind === "check" && name === check && state === "ended",
  );
}

function spinner({ now, theme: t }: Frame): string {
  return t.cyan(t.signs.frames[Math.floor(now / 80) % t.signs.frames.length] ?? "");
}

/** A row a candidate, a column a step; without times where the terminal is too narrow for them. */
function candidateTable(candidates: readonly CandidateView[], frame: Frame): string[] {
  const { theme: t } = frame;
  const names = [...new Set(candidates.flatMap(({ steps }) => steps.map(({ name }) => name)))];
  const nameWidth = Math.min(24, Math.max(9, ...candidates.map(({ name }) => width(name))));
  const wide = names.map((name) => Math.max(8, Math.min(14, width(name))));
  const fits = nameWidth + wide.reduce((sum, n) => sum + n + 1, 0) < frame.columns;
  const { shown, folded } = foldCandidates(candidates, frame);
  const header = fits
    ? pad("candidate", nameWidth) +
      names.map((name, i) => ` ${pad(clip(name, wide[i] ?? 8), wide[i] ?? 8)}`).join("")
    : `steps: ${names.join(" ")}`;
  const rows = shown.map((candidate) => {
    const label = pad(clip(candidate.name, nameWidth, t.signs.ellipsis), nameWidth);
    const cells = names.map((name, i) => {
      const step = candidate.steps.find((one) => one.name === name);
      return fits ? pad(cell(step, frame), wide[i] ?? 8) : mark(step, frame);
    });
    return `${label} ${cells.join(fits ? " " : "")}  ${t.dim(activity(candidate))}`.trimEnd();
  });
  return [t.bold(header.trimEnd()), ...rows, ...folded];
}

function foldCandidates(candidates: readonly CandidateView[], frame: Frame) {
  const room = Math.max(1, frame.rows - 4);
  if (candidates.length <= room) return { shown: candidates, folded: [] };
  const isBusy = ({ steps }: CandidateView) => steps.some(({ state }) => state === "running");
  const kept = new Set([...candidates].sort((a, b) => Number(isBusy(b)) - Number(isBusy(a))).slice(0, room));
  const rest = candidates.filter((candidate) => !kept.has(candidate));
  const passed = rest.filter(({ verdict }) => verdict === "passed").length;
  const ended = rest.filter(({ verdict }) => verdict !== undefined).length;
  const words = `and ${passed} passed, ${ended - passed} not passed, ${rest.length - ended} to come`;
  return { shown: candidates.filter((candidate) => kept.has(candidate)), folded: [frame.theme.dim(words)] };
}

function cell(step: StepView | undefined, frame: Frame): string {
  if (!step) return "";
  const since =
    step.state === "running" ? frame.now - (step.startedAt ?? frame.now) : step.report?.durationMs;
  const ran = step.state === "running" || step.report?.startedAt !== undefined;
  return ran && since !== undefined ? `${mark(step, frame)} ${duration(since)}` : mark(step, frame);
}

function mark(step: StepView | undefined, frame: Frame): string {
  const { theme: t } = frame;
  if (!step) return " ";
  if (step.state === "running") return spinner(frame);
  return step.report && step.state === "ended" ? signOf(step.report.verdict, t) : t.dim(t.signs.waiting);
}

/** What runs and what it said last. */
function activity(candidate: CandidateView): string {
  const running = candidate.steps.filter(({ state }) => state === "running");
  const talking = running.findLast(({ lastLine }) => lastLine !== "") ?? running.at(-1);
  return talking ? `${talking.name}: ${talking.lastLine || (talking.commands.at(-1) ?? "")}` : "";
}
