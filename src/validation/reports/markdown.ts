import { VERSION } from "../../version.js";
import type { CandidateReport, Report, StepReport, Verdict } from "../types.js";
import { firstLines, isProblem, ranked, sentence, stepsOf } from "./findings.js";
import { plain } from "./plain.js";
import { duration } from "./words.js";

const signs: Readonly<Record<Verdict, string>> = {
  ...{
    passed: "✅",
    failed: "❌",
    "timed-out": "⌛",
    skipped: "➖",
    cancelled: "⬜",
    flaky: "⚠️",
    error: "❗",
  },
};
const MOST_LINES = 30;
const MOST_OF_FAILURE = 8_000;
const MOST_ROWS = 100;
const MOST_COLUMNS = 12;

/**
 * The report in Markdown for people on a forge, in at most so many UTF-8 bytes: what does not fit is left out, and that
 * is said. Names and outputs are a candidate's words: they are text in it, and mention, link and close nothing.
 */
export function markdownReport(report: Report, most = 60_000): string {
  const candidates = ranked(report.candidates);
  const end = `\n<sub>forkbox ${VERSION}</sub>\n`;
  const left = "\n_More did not pass than fits here: the other reports have it._\n";
  let text = `## ${signs[report.passed ? "passed" : "failed"]} ${code(sentence(report), "span")}\n\n`;
  const room = () => most - Buffer.byteLength(text) - Buffer.byteLength(left) - Buffer.byteLength(end);
  const table = matrix(candidates);
  if (Buffer.byteLength(table) <= room()) text += table;
  for (const part of problems(candidates)) {
    if (Buffer.byteLength(part) > room()) return text + left + end;
    text += part;
  }
  return text + end;
}

/** Steps down, candidates across; those rows first that some candidate did not pass. */
function matrix(candidates: readonly CandidateReport[]): string {
  const shown = candidates.slice(0, MOST_COLUMNS);
  const steps = shown.map((candidate) => new Map(stepsOf(candidate).map((step) => [step.name, step])));
  const names = [...new Set(steps.flatMap((of) => [...of.keys()]))];
  const isWell = (name: string) => steps.every((of) => of.get(name)?.verdict === "passed");
  const ordered = [...names.filter((name) => !isWell(name)), ...names.filter(isWell)];
  const rows = ordered
    .slice(0, MOST_ROWS)
    .map((name) => [code(name), ...steps.map((of) => cell(of.get(name)))]);
  const head = ["step", ...shown.map(({ name, verdict }) => `${signs[verdict]} ${code(name)}`)];
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  const more = [
    ...(candidates.length > shown.length ? [`${candidates.length - shown.length} more candidates`] : []),
    ...(ordered.length > MOST_ROWS ? [`${ordered.length - MOST_ROWS} more steps`] : []),
  ];
  return `${lines.join("\n")}\n${more.length > 0 ? `\nAnd ${more.join(", ")}.\n` : ""}\n`;
}

function cell(step: StepReport | undefined): string {
  if (step === undefined) return "";
  return `${signs[step.verdict]} ${step.verdict}${step.startedAt === undefined ? "" : ` ${duration(step.durationMs)}`}`;
}

function problems(candidates: readonly CandidateReport[]): string[] {
  return candidates.flatMap((candidate) => {
    const of = candidates.length > 1 ? `${code(candidate.name)} ` : "";
    return [
      ...(candidate.error
        ? [`### ${signs.error} ${code(candidate.name)}\n\n${fenced(candidate.error.message)}\n`]
        : []),
      ...stepsOf(candidate)
        .filter(isProblem)
        .map((step) => problem(of, step)),
    ];
  });
}

function problem(of: string, step: StepReport): string {
  const lines = firstLines(step, MOST_LINES).slice(0, MOST_OF_FAILURE);
  return [
    `### ${signs[step.verdict]} ${of}${code(step.name)}: ${code(step.reason)}\n`,
    ...(step.hint === undefined ? [] : [`Hint: ${code(step.hint)}\n`]),
    ...(lines === "" ? [] : [`${fenced(lines)}\n`]),
  ].join("\n");
}

/** In code nothing is mentioned or linked; characters that Markdown or HTML would act on are references. */
function code(text: string, element = "code"): string {
  const inside = plain(text)
    .replace(/\s+/g, " ")
    .replace(/[!-/:-@[-`{-~]/g, (character) => `&#${character.charCodeAt(0)};`);
  return element === "code" ? `<code>${inside}</code>` : inside;
}

/** The fence is longer than any that is inside. */
function fenced(text: string): string {
  const shown = plain(text);
  const longest = (shown.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 2);
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${shown}\n${fence}\n`;
}
