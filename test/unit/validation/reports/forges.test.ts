import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { githubErrors, githubFence, writeGithubSummary } from "../../../../src/validation/reports/github.js";
import { markdownReport } from "../../../../src/validation/reports/markdown.js";
import { repeatCommand } from "../../../../src/validation/reports/repeat-command.js";
import type { CandidateReport, Report, StepReport } from "../../../../src/validation/types.js";
import { hostDirectory } from "../../../support/scratch.js";

function step(more: Partial<StepReport> = {}): StepReport {
  return {
    ...{ kind: "check", name: "test", commands: ["x"], verdict: "failed", reason: "exit code 1", tail: "" },
    ...{ durationMs: 1200, startedAt: "2026-01-02T03:04:06.000Z" },
    ...more,
  };
}

function candidate(checks: StepReport[], more: Partial<CandidateReport> = {}): CandidateReport {
  return {
    ...{ name: "app", directory: "/repo/app", configFrom: "/repo/app/forkbox.yaml", verdict: "failed" },
    ...{ durationMs: 5000, stages: [], checks, warnings: [], ...more },
  };
}

function report(...candidates: CandidateReport[]): Report {
  return {
    ...{ version: 1, passed: false, exitCode: 1, interrupted: false, any: false },
    ...{ startedAt: "2026-01-02T03:04:05.678Z", durationMs: 5000, engine: "local", candidates, warnings: [] },
  };
}

describe("errors for GitHub Actions", () => {
  test("are one line for each step that did not pass itself", () => {
    const steps = [step(), step({ name: "lint", verdict: "timed-out", reason: "took 5s" })];
    const others = [
      step({ verdict: "skipped" }),
      step({ verdict: "cancelled" }),
      step({ verdict: "passed" }),
    ];
    expect(githubErrors(report(candidate([...steps, ...others])), "/repo")).toBe(
      "::error file=app/forkbox.yaml,title=test%3A failed::exit code 1\n" +
        "::error file=app/forkbox.yaml,title=lint%3A timed-out::took 5s\n",
    );
  });

  test("are escaped as documented, so that no output makes another command or property", () => {
    const firstFailure = "100%\r\n::set-output name=x::y\n##[add-path]/tmp\rz";
    const name = "a,file=/etc/passwd::b%0A\n::stop";
    const text = githubErrors(report(candidate([step({ firstFailure })], { name }), candidate([])), "/repo");
    expect(text.match(/\n/g)).toHaveLength(1);
    expect(text).toBe(
      "::error file=app/forkbox.yaml,title=a%2Cfile=/etc/passwd%3A%3Ab%250A%0A%3A%3Astop%3A test%3A failed" +
        "::exit code 1%0A100%25%0A::set-output name=x::y%0A##[add-path]/tmp\ufffdz\n",
    );
  });

  test.each([
    ["src/a.ts:12:5 - error TS1", "file=app/src/a.ts,line=12,col=5,"],
    ["src/a.ts(12,5): error TS1", "file=app/src/a.ts,line=12,col=5,"],
    ["  location: '/workspace/test/a.mjs:3:1'", "file=app/test/a.mjs,line=3,col=1,"],
    ["at T (file:///workspace/a.mjs:3:52)", "file=app/a.mjs,line=3,col=52,"],
    ["  --> src/lib.rs:7", "file=app/src/lib.rs,line=7,"],
    ["../../../etc/shadow.txt:1:1", "file=app/forkbox.yaml,"],
    ["no place at all", "file=app/forkbox.yaml,"],
  ])("are at the place that the failure names, in the workspace only: %s", (firstFailure, place) => {
    const text = githubErrors(report(candidate([step({ firstFailure })])), "/repo");
    expect(text).toContain(`::error ${place}title=`);
  });

  test("come after a fence whose token differs each time", () => {
    const { start, end } = githubFence();
    expect(start).toMatch(/^::stop-commands::[0-9a-f-]{36}\n$/);
    expect(end).toBe(`::${start.slice("::stop-commands::".length).trim()}::\n`);
    expect(githubFence().start).not.toBe(start);
  });

  test("leave a summary that has room beside what is there already", async () => {
    const file = join(await hostDirectory(), "summary.md");
    const failures = Array.from({ length: 400 }, () => step({ firstFailure: "€".repeat(7_000) }));
    await writeFile(file, "x".repeat(100_000));
    await writeGithubSummary(report(candidate(failures)), file);
    const text = await readFile(file);
    expect(text.length).toBeLessThan(1024 * 1024);
    expect(text.length).toBeGreaterThan(900 * 1024);
    expect(text.toString()).toMatch(/^x{100000}\n## ❌ [\s\S]*More did not pass than fits here/);
  });
});

describe("the Markdown report", () => {
  test("mentions, links, closes and injects nothing", () => {
    const name = "@octocat | <img src=x> [a](javascript:1) `b` #1 https://example.com <!-- \n# big";
    const text = markdownReport(report(candidate([step({ name, reason: name })], { name }), candidate([])));
    expect(text).not.toMatch(/@|<img|\]\(|https:|<!--|^# /m);
    const row = text.split("\n").find((line) => line.startsWith("| <code>&#64;octocat"));
    expect(row?.match(/\|/g)).toHaveLength(4);
  });

  test("has outputs in fences longer than any that is in them", () => {
    const firstFailure = "```\n</details>\n`````\n@octocat";
    const text = markdownReport(report(candidate([step({ firstFailure })])));
    expect(text).toContain(`\n\`\`\`\`\`\`text\n${firstFailure}\n\`\`\`\`\`\`\n`);
  });

  test("fits into a comment whatever failed, and says what it leaves out", () => {
    const failures = Array.from({ length: 300 }, (_, i) =>
      step({ name: `check-${i}`, firstFailure: "word ".repeat(2_000) }),
    );
    const text = markdownReport(report(candidate(failures)));
    expect(text.length).toBeLessThan(65_536);
    expect(text).toContain("_More did not pass than fits here");
    expect(text).toContain("200 more steps");
  });
});

test("the command that repeats a check is read by a shell as it was meant", async () => {
  const directory = "/srv/it's $(touch x) `y`\n\u202e\u001b[2J é";
  const command = repeatCommand(candidate([], { directory, configFrom: "/etc/checks.yaml" }), step());
  for (const hidden of ["\n", "\u202e", "\u001b"]) expect(command).not.toContain(hidden);
  const { stdout } = await promisify(execFile)("bash", [
    "-c",
    `forkbox() { printf '%s|' "$@"; }; ${command}`,
  ]);
  expect(stdout).toBe(`validate|${directory}|--config|/etc/checks.yaml|--check|test|`);
});
