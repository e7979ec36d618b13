import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import type { CandidateReport, Report, StepReport } from "../types.js";
import { firstLines, isProblem, ranked, stepsOf } from "./findings.js";
import { markdownReport } from "./markdown.js";
import { plain } from "./plain.js";

/** What GitHub Actions takes as the summary of one step of a job; more is refused in full. */
const SUMMARY_BYTES = 1024 * 1024;
const MOST_LINES = 20;
const MOST_OF_MESSAGE = 4_000;

/**
 * Lines to print before and after what sandboxed code may have written: between them GitHub Actions takes no line for
 * a command. Nobody who is sandboxed knows the token.
 */
export function githubFence(): { start: string; end: string } {
  const token = randomUUID();
  return { start: `::stop-commands::${token}\n`, end: `::${token}::\n` };
}

/** One `::error` a line for each step that did not pass, of the best candidate first. Paths start at `workspace`. */
export function githubErrors(report: Report, workspace: string): string {
  const candidates = ranked(report.candidates);
  const many = candidates.length > 1;
  return candidates
    .flatMap((candidate) => [
      ...(candidate.error ? [command({ title: candidate.name }, candidate.error.message)] : []),
      ...stepsOf(candidate)
        .filter(isProblem)
        .map((step) => errorOf(candidate, step, many, workspace)),
    ])
    .join("");
}

/** Appends the report to the summary of the job's step, as far as there is room. The path is the operator's. */
export async function writeGithubSummary(report: Report, path: string): Promise<void> {
  await using file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND);
  const { size } = await file.stat();
  const text = `${size > 0 ? "\n" : ""}${markdownReport(report, SUMMARY_BYTES - size - 1024)}`;
  if (size + Buffer.byteLength(text) < SUMMARY_BYTES) await file.writeFile(text);
}

function errorOf(candidate: CandidateReport, step: StepReport, many: boolean, workspace: string): string {
  const title = `${many ? `${candidate.name}: ` : ""}${step.name}: ${step.verdict}`;
  const lines = firstLines(step, MOST_LINES).slice(0, MOST_OF_MESSAGE);
  const message = [step.reason, step.hint === undefined ? "" : `hint: ${step.hint}`, lines]
    .filter((part) => part !== "")
    .join("\n");
  return command({ ...placeOf(candidate, step, workspace), title }, message);
}

/** Where the first failure says it is; else the config that has the check. Only in the workspace. */
function placeOf(
  { directory, configFrom }: CandidateReport,
  { firstFailure = "" }: StepReport,
  workspace: string,
): Record<string, string> {
  const inside = (path: string) => {
    const way = relative(workspace, resolve(directory, path));
    return way === "" || way.startsWith("..") || isAbsolute(way) ? undefined : way;
  };
  const found =
    /(?:^|[\s('"])(?:file:\/\/)?((?:\/workspace\/)?[\w@+~.[\]-]+(?:\/[\w@+~.[\]-]+)*\.\w+)[:(](\d{1,7})(?:[:,](\d{1,7}))?/m.exec(
      firstFailure.slice(0, MOST_OF_MESSAGE),
    );
  const [, path = "", line = "", column] = found ?? [];
  const file = inside(path.replace(/^\/workspace\//, ""));
  if (found && file !== undefined) return { file, line, ...(column !== undefined && { col: column }) };
  const config = isAbsolute(configFrom) ? inside(configFrom) : undefined;
  return config === undefined ? {} : { file: config };
}

/** As the toolkit of GitHub Actions writes it: a value ends at no character that a candidate could have written. */
function command(properties: Readonly<Record<string, string>>, message: string): string {
  const given = Object.entries(properties).map(
    ([name, value]) => `${name}=${escaped(value).replaceAll(":", "%3A").replaceAll(",", "%2C")}`,
  );
  return `::error ${given.join(",")}::${escaped(message)}\n`;
}

function escaped(text: string): string {
  return plain(text).replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}
