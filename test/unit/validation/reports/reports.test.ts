import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SaxesParser } from "saxes";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { jsonReport } from "../../../../src/validation/reports/json.js";
import { junitReport } from "../../../../src/validation/reports/junit.js";
import { checkReportFiles, writeReports } from "../../../../src/validation/reports/write.js";
import { exitCode, overRuns, worst } from "../../../../src/validation/run/verdicts.js";
import type { CandidateReport, Report, StepReport, Verdict } from "../../../../src/validation/types.js";

function step(name: string, verdict: Verdict, more: Partial<StepReport> = {}): StepReport {
  const reason = verdict === "passed" ? "" : `it ${verdict}`;
  return { kind: "check", name, commands: ["x"], verdict, reason, durationMs: 1234, tail: "", ...more };
}

function candidate(name: string, checks: StepReport[], more: Partial<CandidateReport> = {}): CandidateReport {
  const verdict = worst(checks.map((check) => check.verdict));
  return {
    ...{ name, directory: `/tmp/${name}`, configFrom: "detected", verdict, durationMs: 5000 },
    ...{ stages: [], checks, warnings: [], ...more },
  };
}

function report(...candidates: CandidateReport[]): Report {
  return {
    ...{ version: 1, passed: false, exitCode: 1, interrupted: false, any: false },
    ...{ startedAt: "2026-01-02T03:04:05.678Z", durationMs: 5000, engine: "local", candidates, warnings: [] },
  };
}

interface Element {
  name: string;
  attributes: Record<string, string>;
  text: string;
}

/** Parses strictly: what is no XML throws. */
function elements(xml: string): Element[] {
  const found: Element[] = [];
  const open: Element[] = [];
  const parser = new SaxesParser();
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name, attributes }) => {
    const element = { name, attributes: attributes as Record<string, string>, text: "" };
    found.push(element);
    open.push(element);
  });
  parser.on("text", (text) => {
    const top = open.at(-1);
    if (top !== undefined) top.text += text;
  });
  parser.on("closetag", () => void open.pop());
  parser.write(xml).close();
  return found;
}

describe("a JUnit report", () => {
  test("has a suite for each candidate and a case for each stage and check", () => {
    const xml = junitReport(
      report(
        candidate(
          "a",
          [step("test", "failed", { tail: "1 of 3 failed", exitCode: 1 }), step("lint", "passed")],
          {
            stages: [step("build", "passed", { kind: "build" })],
          },
        ),
        candidate("b", [step("test", "timed-out"), step("e2e", "skipped"), step("lint", "error")]),
      ),
    );
    const found = elements(xml);
    expect(found[0]).toMatchObject({
      name: "testsuites",
      attributes: { tests: "6", failures: "2", errors: "1", skipped: "1", time: "5.000" },
    });
    expect(found.filter(({ name }) => name === "testsuite").map(({ attributes }) => attributes.name)).toEqual(
      ["a", "b"],
    );
    expect(found.filter(({ name }) => name === "testcase").map(({ attributes }) => attributes)).toEqual(
      ["build", "test", "lint", "test", "e2e", "lint"].map((name, index) => ({
        ...{ name, classname: index < 3 ? "a" : "b", time: "1.234" },
      })),
    );
    expect(found.find(({ name }) => name === "failure")).toEqual({
      name: "failure",
      attributes: { message: "it failed", type: "failed" },
      text: "1 of 3 failed",
    });
  });

  test("says why a candidate could not be run", () => {
    const error = { code: "INVALID_ARGUMENT" as const, message: 'unknown key "chekcs"' };
    const xml = junitReport(report(candidate("a", [], { verdict: "error", error })));
    expect(elements(xml).at(-1)).toMatchObject({ name: "error", attributes: { message: error.message } });
  });

  test("is XML whatever the output was, and loses nothing that XML can hold", () => {
    const text = 'a<b> & "c" ]]> <!-- \t\r\n é 😀';
    const bad = "\u0000\u0007\u001b[31m\ufffe\ud800";
    const xml = junitReport(
      report(candidate('<"&\n>', [step("t", "failed", { tail: text + bad, reason: `${text}${bad}` })])),
    );
    const failure = elements(xml).find(({ name }) => name === "failure");
    expect(failure?.text).toBe(`${text}\ufffd\ufffd\ufffd[31m\ufffd\ufffd`);
    expect(failure?.attributes.message).toBe(`${text}\ufffd\ufffd\ufffd[31m\ufffd\ufffd`);
    expect(elements(xml)[1]?.attributes.name).toBe('<"&\n>');
  });
});

describe("report files", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "forkbox-reports-"));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test("replace what was there and leave nothing else behind", async () => {
    const files = {
      json: join(directory, "deep", "report.json"),
      junit: join(directory, "deep", "report.xml"),
    };
    await checkReportFiles(files);
    await writeFile(files.json, "old");
    const written = report(candidate("a", [step("t", "passed")]));
    await writeReports(written, files);
    expect(await readFile(files.json, "utf8")).toBe(jsonReport(written));
    expect(JSON.parse(await readFile(files.json, "utf8"))).toEqual(written);
    expect(await readFile(files.junit, "utf8")).toBe(junitReport(written));
    expect((await readdir(join(directory, "deep"))).sort()).toEqual(["report.json", "report.xml"]);
  });

  test("that can't be written are refused before anything runs", async () => {
    await writeFile(join(directory, "file"), "");
    for (const json of [directory, join(directory, "file", "report.json")]) {
      await expect(checkReportFiles({ json })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        path: json,
      });
    }
  });
});

describe("an exit code", () => {
  const of = (passed: boolean, ...candidates: CandidateReport[]) =>
    exitCode({ ...report(...candidates), passed });
  const failed = (name: string, code?: "ENGINE_LOST" | "UNSUPPORTED" | "SECRET_LEAK") =>
    candidate(name, [step("t", "error", code === undefined ? {} : { error: { code, message: "" } })]);

  test("is 0 only for what passed", () => {
    expect(of(true, candidate("a", [step("t", "passed")]))).toBe(0);
    expect(of(true, failed("a"), candidate("b", [step("t", "passed")]))).toBe(0);
    expect(of(false, failed("a"))).toBe(1);
    expect(of(false, candidate("a", [step("t", "flaky")]))).toBe(1);
    expect(of(false, failed("a", "SECRET_LEAK"))).toBe(1);
  });

  test("tells a bad config and a lost engine from a check that failed", () => {
    expect(of(false, failed("a", "UNSUPPORTED"))).toBe(2);
    const error = { code: "INVALID_ARGUMENT" as const, message: "" };
    expect(of(false, candidate("a", [], { error }))).toBe(2);
    expect(of(false, failed("a", "UNSUPPORTED"), failed("b", "ENGINE_LOST"))).toBe(3);
  });

  test("is 130 when it was interrupted, whatever else happened", () => {
    expect(exitCode({ ...report(failed("a", "ENGINE_LOST")), interrupted: true })).toBe(130);
  });
});

test.each<[Verdict[], Verdict]>([
  [["passed", "passed"], "passed"],
  [["failed", "failed"], "failed"],
  [["failed", "timed-out"], "timed-out"],
  [["passed", "failed"], "flaky"],
  [["passed", "timed-out", "cancelled"], "flaky"],
  [["passed", "cancelled"], "cancelled"],
  [["failed", "cancelled"], "failed"],
  [["passed", "error"], "error"],
])("runs that were %s make a check %s", (verdicts, verdict) => expect(overRuns(verdicts)).toBe(verdict));
