import type { CandidateReport, StepReport } from "../../validation/types.js";
import { inFlags } from "../flag-names.js";
import { clip, count, near } from "./format.js";
import { remarkOf, signOf } from "./signs.js";
import { oneLine, type Theme } from "./terminal.js";

/** Of one step, all told: more of it is in its log. */
const MOST_LINES = 40;
const TAIL_LINES = 20;
const MOST_COMMANDS = 5;
const MOST_COLUMNS = 500;

/** Which step did not pass, why, what failed first, the last lines of its output, and where the rest is. */
export function drawProblem(
  { name, directory }: CandidateReport,
  step: StepReport,
  many: boolean,
  columns: number,
  t: Theme,
): string[] {
  const prefix = many ? `${oneLine(name)} / ` : "";
  const decided = step.tail === "" ? step.runs?.find(({ verdict }) => verdict !== "passed") : undefined;
  const { tail, firstFailure = "", hint = step.hint, log = step.log } = { ...step, ...decided };
  const above = [
    `${signOf(step.verdict, t)} ${t.bold(prefix + oneLine(step.name))}: ${oneLine(remarkOf(step))}`,
    ...(many ? [clip(`  ${t.dim(`in ${near(directory)}`)}`, columns)] : []),
    ...commands(step, columns, t),
    ...(hint === undefined ? [] : [`  ${t.yellow("hint:")} ${oneLine(inFlags(hint))}`]),
    ...errorOf(step),
  ];
  const below = log === undefined ? [] : [`  ${t.dim("all it printed:")} ${near(log)}`];
  const room = MOST_LINES - above.length - below.length;
  return [...above, ...output(firstFailure, tail, room, t), ...below];
}

function commands({ commands }: StepReport, columns: number, t: Theme): string[] {
  const more = commands.length - MOST_COMMANDS;
  return [
    ...commands
      .slice(0, MOST_COMMANDS)
      .map((command) => clip(`  ${t.dim(`$ ${oneLine(command)}`)}`, columns)),
    ...(more > 0 ? [t.dim(`  and ${count(more, "more command", "more commands")}`)] : []),
  ];
}

function errorOf({ error, reason }: StepReport): string[] {
  // A deadline's message says no more than the reason does.
  const isNews = error !== undefined && error.code !== "TIMEOUT" && !reason.includes(error.message);
  return isNews ? inFlags(error.message).replace(/^/gm, "  ").split("\n").slice(0, 8) : [];
}

/** What failed first, unless the last lines show it anyway; then these. */
function output(firstFailure: string, tail: string, room: number, t: Theme): string[] {
  const barred = (line: string) => `  ${t.dim(t.signs.bar)} ${clip(line, MOST_COLUMNS)}`;
  const last = tail.trim() === "" ? [] : tail.trimEnd().split("\n").slice(-Math.min(TAIL_LINES, room));
  const first = firstFailure === "" ? [] : firstFailure.split("\n");
  const isShown = first.every((line) => last.includes(line));
  if (first.length === 0 || isShown) return last.map(barred);
  const beginning = first.slice(0, Math.max(1, Math.min(first.length, room - 6)));
  const end = last.slice(Math.max(0, last.length - (room - beginning.length - 2)));
  return [
    `  ${t.dim("first failure:")}`,
    ...beginning.map(barred),
    ...(end.length === 0 ? [] : [`  ${t.dim("last lines:")}`, ...end.map((line) => t.dim(barred(line)))]),
  ];
}
