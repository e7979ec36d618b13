import type { CandidateReport, Report, StepReport } from "../types.js";

/**
 * The report as JUnit XML, as CI systems read it: a suite for each candidate, a case for each stage and check.
 * Flaky and timed-out are failures; cancelled is skipped.
 */
export function junitReport(report: Report): string {
  const suites = report.candidates.map((candidate) => ({ candidate, cases: casesOf(candidate) }));
  const all = suites.flatMap(({ cases }) => cases);
  const head = {
    name: "forkbox",
    ...counts(all),
    time: seconds(report.durationMs),
    timestamp: report.startedAt,
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes(head)}>`,
    ...suites.map(({ candidate, cases }) => suite(report, candidate, cases)),
    "</testsuites>",
    "",
  ].join("\n");
}

interface Case {
  name: string;
  outcome: "passed" | "failure" | "error" | "skipped";
  reason: string;
  verdict: string;
  durationMs: number;
  /** What failed first, what to do, the last lines. */
  body: string;
  properties: Readonly<Record<string, string>>;
}

function casesOf({ error, stages, checks, durationMs }: CandidateReport): Case[] {
  if (error !== undefined) {
    return [
      {
        name: "config",
        outcome: "error",
        reason: error.message,
        verdict: "error",
        durationMs,
        body: "",
        properties: {},
      },
    ];
  }
  return [...stages, ...checks].map((step) => ({
    name: step.name,
    outcome: outcomeOf(step),
    reason: step.reason,
    verdict: step.verdict,
    durationMs: step.durationMs,
    body: bodyOf(step),
    properties: propertiesOf(step),
  }));
}

function bodyOf({ firstFailure = "", hint, tail, log }: StepReport): string {
  const parts = [
    ...(firstFailure === "" || tail.includes(firstFailure) ? [] : [firstFailure]),
    ...(hint === undefined ? [] : [`hint: ${hint}`]),
    ...(tail === "" ? [] : [tail]),
    ...(log === undefined ? [] : [`all it printed: ${log}`]),
  ];
  return parts.join("\n\n");
}

function propertiesOf({ artifacts, log, tests }: StepReport): Record<string, string> {
  const counts = Object.entries(tests ?? {}).map(([kind, count]) => [`tests.${kind}`, `${count}`] as const);
  return {
    ...(artifacts && { artifacts: artifacts.directory }),
    ...(log !== undefined && { log }),
    ...Object.fromEntries(counts),
  };
}

function outcomeOf({ verdict }: StepReport): Case["outcome"] {
  if (verdict === "passed" || verdict === "error") return verdict;
  return verdict === "skipped" || verdict === "cancelled" ? "skipped" : "failure";
}

function suite(report: Report, candidate: CandidateReport, cases: readonly Case[]): string {
  const head = {
    name: candidate.name,
    ...counts(cases),
    time: seconds(candidate.durationMs),
    timestamp: report.startedAt,
  };
  return [
    `  <testsuite${attributes(head)}>`,
    ...cases.map((item) => testCase(candidate.name, item)),
    "  </testsuite>",
  ].join("\n");
}

function testCase(
  classname: string,
  { name, outcome, reason, verdict, durationMs, body, properties }: Case,
): string {
  const open = `    <testcase${attributes({ name, classname, time: seconds(durationMs) })}`;
  const inside = [
    ...(Object.keys(properties).length === 0 ? [] : [propertiesTag(properties)]),
    ...(outcome === "passed"
      ? []
      : outcome === "skipped"
        ? [`<skipped${attributes({ message: `${verdict}: ${reason}` })}/>`]
        : [`<${outcome}${attributes({ message: reason, type: verdict })}>${escaped(body)}</${outcome}>`]),
  ];
  if (inside.length === 0) return `${open}/>`;
  return [`${open}>`, ...inside.map((line) => `      ${line}`), "    </testcase>"].join("\n");
}

function propertiesTag(properties: Readonly<Record<string, string>>): string {
  const tags = Object.entries(properties).map(([name, value]) => `<property${attributes({ name, value })}/>`);
  return `<properties>${tags.join("")}</properties>`;
}

function counts(cases: readonly Case[]): Record<string, string> {
  const count = (outcome: Case["outcome"]) => `${cases.filter((item) => item.outcome === outcome).length}`;
  return {
    tests: `${cases.length}`,
    failures: count("failure"),
    errors: count("error"),
    skipped: count("skipped"),
  };
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(value).replace(/[\n\t]/g, (c) => `&#${c.charCodeAt(0)};`)}"`)
    .join("");
}

const entities: Readonly<Record<string, string>> = {
  ...{ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" },
  // A parser would read it as a line feed.
  "\r": "&#13;",
};

/** Characters that XML 1.0 can't hold, not even escaped, become the replacement character. */
function escaped(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, "\ufffd")
      .replace(/[&<>"\r]/g, (character) => entities[character] ?? character)
  );
}
