import { expect, test } from "vitest";
import { width } from "../../../src/cli/view/format.js";
import { drawProgress } from "../../../src/cli/view/live-tree.js";
import { plainView } from "../../../src/cli/view/plain-view.js";
import { Progress } from "../../../src/cli/view/progress.js";
import { drawSummary } from "../../../src/cli/view/summary.js";
import { theme } from "../../../src/cli/view/terminal.js";
import type { Report, ValidationEvent } from "../../../src/validation/types.js";
import {
  candidateReport,
  report,
  started,
  stepEnded,
  stepId,
  stepOutput,
  stepReport,
  stepStarted,
} from "../../support/validation-events.js";

const plain = theme({ write: () => true }, { NO_COLOR: "1" });
const checks = { lint: [], test: [], smoke: ["test"] };

/** Events a second apart, drawn half a second after the last. */
function draw(events: ValidationEvent[], { columns = 80, rows = 24 } = {}): string[] {
  const progress = new Progress(0);
  events.forEach((event, i) => {
    progress.apply(event, i * 1000);
  });
  return drawProgress(progress, { columns, rows, now: (events.length - 1) * 1000 + 500, theme: plain });
}

const midway: ValidationEvent[] = [
  started(["app"], checks),
  stepStarted(stepId("app", "setup")),
  stepEnded(stepId("app", "setup"), "passed", { cached: true }),
  stepStarted(stepId("app", "build")),
  stepEnded(stepId("app", "build"), "passed"),
  stepStarted(stepId("app", "check", "lint")),
  stepStarted(stepId("app", "check", "test")),
  stepOutput(stepId("app", "check", "test"), "\u001b[32m✓ queries\u001b[0m\n✓ pa"),
  stepOutput(stepId("app", "check", "test"), "ges\n\n"),
  stepEnded(stepId("app", "check", "lint"), "failed", { reason: "exit code 1" }),
];

test("a tree says what ran, what runs for how long with its last line, and what waits for what", () => {
  expect(draw(midway)).toEqual([
    "app  checks: detected",
    "✔ setup        1.2s  from the cache",
    "· sources",
    "✔ build        1.2s",
    "checks 1/3",
    "├ ✖ lint       1.2s  exit code 1",
    expect.stringMatching(/^├ . test {7}3\.5s {2}✓ pages$/),
    "└ · smoke            waits for test",
    "9.5s, at most 4 at once",
  ]);
});

test.each([20, 40, 60, 80, 200])("no line is wider than a terminal of %i columns", (columns) => {
  const wide = stepOutput(stepId("app", "check", "test"), `${"日本語🎉".repeat(60)}\n`);
  for (const line of draw([...midway, wide], { columns })) expect(width(line)).toBeLessThan(columns);
});

test("more checks than rows: what runs and what failed stays in sight, the rest is counted", () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`check-${i}`, []]));
  const lines = draw(
    [
      started(["app"], many),
      stepEnded(stepId("app", "check", "check-20"), "passed"),
      stepEnded(stepId("app", "check", "check-30"), "failed"),
      stepStarted(stepId("app", "check", "check-40")),
    ],
    { rows: 14 },
  );
  expect(lines.length).toBeLessThanOrEqual(14);
  expect(lines.join("\n")).toMatch(/check-30[\s\S]*check-40[\s\S]*and 4\d waiting, 1 passed/);
});

test("several candidates are rows of one table, steps its columns", () => {
  const lines = draw([
    started(["app-a", "app-b"], checks),
    stepEnded(stepId("app-a", "setup"), "passed"),
    stepStarted(stepId("app-a", "check", "test")),
    stepOutput(stepId("app-a", "check", "test"), "3 of 9\n"),
  ]);
  expect(lines).toEqual([
    "candidate setup    sources  build    lint     test     smoke",
    expect.stringMatching(/^app-a {5}✔ 1.2s {3}· {8}· {8}· {8}\S 1.5s {3}· {8} test: 3 of 9$/),
    "app-b     ·        ·        ·        ·        ·        ·",
    "3.5s, at most 4 at once",
  ]);
});

test("where the terminal is too narrow for the table, signs are left of it", () => {
  const lines = draw([started(["app-a", "app-b"], checks), stepEnded(stepId("app-b", "setup"), "passed")], {
    columns: 50,
  });
  expect(lines.slice(0, 3)).toEqual([
    "steps: setup sources build lint test smoke",
    "app-a     ······",
    "app-b     ✔·····",
  ]);
});

test("runs that disagree are flaky, and a step ends with its last run", () => {
  const runs = (...ends: ValidationEvent[]) =>
    draw([started(["app"], { test: [] }, 2), stepStarted(stepId("app", "check", "test")), ...ends]);
  const first = stepEnded(stepId("app", "check", "test", 1), "passed");
  expect(runs(first).join("\n")).toMatch(/checks 0\/1\n└ \S test .*npm run test/);
  expect(runs(first, stepEnded(stepId("app", "check", "test", 2), "failed")).join("\n")).toMatch(
    /checks 1\/1\n└ ~ test/,
  );
});

function lines(events: ValidationEvent[], verbose: boolean): string[] {
  const written: string[] = [];
  const view = plainView({ write: (text: string) => written.push(text) }, verbose);
  for (const event of events) view.event(event);
  return written.join("").trimEnd().split("\n");
}

test("in a pipe each start and end is a line", () => {
  expect(lines(midway, false)).toEqual([
    "· setup: started  npm run setup",
    "✔ setup: passed in 1.2s: from the cache",
    "· build: started  npm run build",
    "✔ build: passed in 1.2s",
    "· lint: started  npm run lint",
    "· test: started  npm run test",
    "✖ lint: failed in 1.2s: exit code 1",
  ]);
});

test("verbose lines have the output too, each under its step's name", () => {
  const said = lines([...midway, stepEnded(stepId("app", "check", "test"), "passed")], true);
  expect(said.filter((line) => line.startsWith("test │"))).toEqual([
    "test │ ✓ queries",
    "test │ ✓ pages",
    "test │",
  ]);
});

function summary(of: Report, onlyProblems = false): string {
  return drawSummary(of, {
    columns: 80,
    theme: plain,
    onlyProblems,
    reports: { json: "out/report.json" },
  }).join("\n");
}

const failing = candidateReport("app", [
  stepReport("setup", "setup", "passed", { cached: true }),
  stepReport("check", "lint", "passed"),
  stepReport("check", "test", "failed", {
    reason: "exit code 1",
    tail: `${Array.from({ length: 40 }, (_, i) => `line ${i}`).join("\n")}\n`,
    artifacts: { directory: `${process.cwd()}/forkbox-out/app/test`, files: 2, bytes: 2048, skipped: [] },
  }),
  stepReport("check", "smoke", "skipped", { reason: "needs test, which failed" }),
]);

test("a summary says which check failed, why, with its last lines, and where things are", () => {
  const text = summary(report([failing]));
  expect(text).toMatch(
    /✔ setup +1.2s {2}from the cache\n✔ lint +1.2s\n✖ test +1.2s {2}exit code 1\n– smoke +needs test, which failed\n/,
  );
  expect(text).toContain("✖ test: exit code 1\n  $ npm run test\n  │ line 20\n");
  expect(text).toContain("  │ line 39\n");
  expect(text).not.toContain("line 19\n");
  expect(text).toContain("artifacts  forkbox-out/app/test  test: 2 files, 2.0 KiB\n");
  expect(text).toContain("report     out/report.json\n");
  expect(text).toMatch(/failed: 1 of 3 checks passed in 5.0s on the local engine$/);
});

test("a quiet summary leaves out what passed", () => {
  expect(summary(report([failing]), true)).toMatch(/^✖ test: exit code 1\n/);
});

test("a candidate that could not be judged says why", () => {
  const refused = candidateReport("app", [], {
    verdict: "error",
    error: { code: "INVALID_ARGUMENT", message: "secrets are the operator's: pass --secret" },
  });
  expect(summary(report([refused], { exitCode: 2 }))).toContain(
    "! app\n  secrets are the operator's: pass --secret\n",
  );
});

test("hostile names, reasons and output can't control the terminal, in any view", () => {
  const bad = "\u001b[2J\u001b]0;pwned\u0007\u009b1A\r";
  const step = stepId(`${bad}app`, "check", `${bad}test`);
  const events = [
    started([`${bad}app`], { [`${bad}test`]: [] }),
    stepStarted(step),
    stepOutput(step, `${bad}boo\n`),
    stepEnded(step, "failed", { reason: bad, tail: bad }),
  ];
  const final = report(
    [
      candidateReport(`${bad}app`, [
        stepReport("check", `${bad}test`, "failed", { reason: bad, tail: bad, commands: [bad] }),
      ]),
    ],
    { warnings: [bad] },
  );
  const shown = [
    ...draw(events),
    ...draw(events.slice(0, 3)),
    ...lines(events, true),
    ...summary(final).split("\n"),
  ];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
  for (const line of shown) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]|pwned/);
  expect(shown.join("\n")).toContain("boo");
});
