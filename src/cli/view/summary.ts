import { resolve } from "node:path";
import type { ReportFiles } from "../../validation/config/types.js";
import type { CandidateReport, Report } from "../../validation/types.js";
import { inFlags } from "../flag-names.js";
import { count, duration, near, size, table } from "./format.js";
import { drawProblem } from "./problem.js";
import { remarkOf, signOf } from "./signs.js";
import { harmlessValue, oneLine, type Theme } from "./terminal.js";

export interface SummaryOptions {
  columns: number;
  theme: Theme;
  /** Leave out what passed and where things are. */
  onlyProblems: boolean;
  reports: ReportFiles;
  /** No step has artifacts: say how. */
  noArtifacts?: boolean;
}

/** What a finished validation found, for people. */
export function drawSummary(
  raw: Report,
  { columns, theme: t, onlyProblems, reports, noArtifacts = false }: SummaryOptions,
): string[] {
  const report = harmlessValue(raw);
  const many = report.candidates.length > 1;
  const lines: string[] = [];
  if (!onlyProblems)
    for (const candidate of report.candidates) lines.push(...verdicts(candidate, many, t), "");
  for (const candidate of report.candidates) lines.push(...problems(candidate, many, columns, t));
  for (const warning of report.warnings) lines.push(`${t.yellow("warning:")} ${oneLine(inFlags(warning))}`);
  if (report.warnings.length > 0) lines.push("");
  if (!onlyProblems) lines.push(...places(report, reports, noArtifacts, t));
  lines.push(outcome(report, t));
  return lines;
}

function verdicts(candidate: CandidateReport, many: boolean, t: Theme): string[] {
  const steps = [...candidate.stages, ...candidate.checks];
  const rows = table(
    steps.map((step) => [
      `${signOf(step.verdict, t)} ${oneLine(step.name)}`,
      step.startedAt === undefined ? "" : duration(step.durationMs).padStart(7),
      step.verdict === "passed" ? t.dim(oneLine(remarkOf(step))) : oneLine(remarkOf(step)),
    ]),
  );
  if (!many) return rows;
  return [
    `${signOf(candidate.verdict, t)} ${t.bold(oneLine(candidate.name))}  ${duration(candidate.durationMs)}`,
    ...rows.map((row) => `  ${row}`),
  ];
}

/** Not of what was skipped or cancelled because of another. */
function problems(candidate: CandidateReport, many: boolean, columns: number, t: Theme): string[] {
  const lines: string[] = [];
  if (candidate.error)
    lines.push(
      `${t.red(t.signs.error)} ${t.bold(oneLine(candidate.name))}`,
      ...(many ? [`  ${t.dim(`in ${near(candidate.directory)}`)}`] : []),
      indent(inFlags(candidate.error.message)),
      "",
    );
  for (const step of [...candidate.stages, ...candidate.checks]) {
    if (["passed", "skipped", "cancelled"].includes(step.verdict)) continue;
    lines.push(...drawProblem(candidate, step, many, columns, t), "");
  }
  return lines;
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}

function places(report: Report, reports: ReportFiles, noArtifacts: boolean, t: Theme): string[] {
  const lines: string[] = [];
  const found = report.candidates.flatMap(({ stages, checks }) => [...stages, ...checks]);
  const artifacts = found.flatMap((step) => (step.artifacts ? [{ step, ...step.artifacts }] : []));
  for (const { step, directory, files, bytes, skipped } of artifacts) {
    const left = skipped.length > 0 ? t.yellow(`, ${skipped.length} left out`) : "";
    lines.push(
      `${t.dim("artifacts")}  ${near(directory)}  ${t.dim(`${oneLine(step.name)}: ${count(files, "file")}, ${size(bytes)}`)}${left}`,
    );
  }
  if (noArtifacts)
    lines.push(
      `${t.dim("artifacts")}  ${t.dim('none asked for: artifacts: ["dist/**"] at a step of a config')}`,
    );
  for (const file of [reports.html, reports.json, reports.junit, reports.markdown])
    if (file) lines.push(`${t.dim("report")}     ${near(resolve(file))}`);
  return lines;
}

function outcome(report: Report, t: Theme): string {
  const checks = report.candidates.flatMap((candidate) => candidate.checks);
  const passed = checks.filter(({ verdict }) => verdict === "passed").length;
  const candidates = report.candidates.filter(({ verdict }) => verdict === "passed").length;
  const of =
    report.candidates.length > 1 ? `${candidates} of ${count(report.candidates.length, "candidate")}, ` : "";
  const word = report.interrupted
    ? t.yellow("interrupted")
    : report.passed
      ? t.green("passed")
      : t.red("failed");
  const detail = `${of}${passed} of ${count(checks.length, "check")} passed in ${duration(report.durationMs)} on the ${report.engine} engine`;
  return `${t.bold(word)}: ${detail}`;
}
