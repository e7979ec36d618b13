import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hostDirectory, hostFiles } from "../support/scratch.js";
import { describeValidation, validateConfig, validated, validateFiles } from "../support/validating.js";

const NONE = "printf 'Ran 0 tests in 0.000s\\n\\nOK\\n' >&2";

/** A Node project that is detected: its script `test` is `run`. */
const detected = (run: string, more: Record<string, string> = {}) => ({
  "package.json": JSON.stringify({ private: true, type: "module", scripts: { test: run } }),
  ...more,
});

await describeValidation("counts", () => {
  test("of node's own runner are in the report, its JSON and its JUnit", async () => {
    const out = await hostDirectory();
    const files = { json: join(out, "r.json"), junit: join(out, "r.xml") };
    const suite = `import { test } from "node:test"; test("a", () => {}); test("b", () => {}); test.skip("c", () => {});`;
    const project = detected("node --test", { "a.test.js": suite });
    const { check } = await validateFiles(project, { reports: files });
    expect(check("test")).toMatchObject({ verdict: "passed", tests: { passed: 2, failed: 0, skipped: 1 } });
    expect(JSON.parse(await readFile(files.json, "utf8"))).toMatchObject({
      candidates: [{ checks: [{ tests: { passed: 2, failed: 0, skipped: 1 } }] }],
    });
    expect(await readFile(files.junit, "utf8")).toContain('<property name="tests.passed" value="2"/>');
  });

  test("of zero in a detected check are no pass: it ran no test", async () => {
    const { check, report, candidate } = await validateFiles(detected(NONE));
    expect(candidate.configFrom).toBe("detected");
    expect(check("test")).toMatchObject({ verdict: "failed", reason: "ran no test", exitCode: 0 });
    expect(report).toMatchObject({ passed: false, exitCode: 1 });
  });

  test("of a script that says forkbox's own words for a missing tool is no check that was skipped", async () => {
    const { check } = await validateFiles(detected("echo 'forkbox: not checked, as nobody looked'"));
    expect(check("test")).toMatchObject({ verdict: "passed", reason: "" });
  });

  test("where all were skipped are none, either, and say so", async () => {
    const { check } = await validateFiles(detected("echo '2 skipped in 0.01s'"));
    expect(check("test")).toMatchObject({ verdict: "failed", reason: "ran no test: all 2 were skipped" });
  });

  test("of zero in a check that a config names are a warning", async () => {
    const { check, report } = await validateConfig({ checks: { test: NONE } });
    expect(check("test").verdict).toBe("passed");
    expect(report.warnings).toEqual(["test passed and ran no test"]);
  });

  test("of zero that a linter prints mean nothing, nor do those of a workspace among others", async () => {
    const { report, check } = await validateFiles({
      "lint.sh": NONE,
      "forkbox.yaml": JSON.stringify({
        checks: { lint: "sh lint.sh", test: `${NONE}; printf 'Ran 2 tests in 0.1s\\n\\nOK (skipped=1)\\n'` },
      }),
    });
    expect(report).toMatchObject({ passed: true, warnings: [] });
    expect(check("test").tests).toEqual({ passed: 1, failed: 0, skipped: 1 });
  });

  test("make no pass of a failure, and are named where it ran none", async () => {
    const { check } = await validateConfig({
      checks: {
        test: "echo '# tests 5'; echo '# pass 5'; echo '# fail 0'; exit 1",
        none: "echo '====== no tests ran in 0.01s ======'; exit 5 # pytest",
      },
    });
    expect(check("test")).toMatchObject({ verdict: "failed", reason: "exit code 1", tests: { passed: 5 } });
    expect(check("none")).toMatchObject({ verdict: "failed", reason: "ran no test (exit code 5)" });
  });

  test("of failures in a check that ends with 0 are a warning", async () => {
    const { check, report } = await validateConfig({ checks: { test: "echo '1 failed, 2 passed in 0.1s'" } });
    expect(check("test").verdict).toBe("passed");
    expect(report.warnings).toEqual([
      "test ended with 0, although its tests failed: 1 by their runner's count",
    ]);
  });

  test("survive what is printed to break them: no line's end, control sequences, more than is kept", async () => {
    const hostile = `
      process.stdout.write("x".repeat(30e6));
      process.stdout.write("\\n\\u001b[32m# tests 3\\u001b[0m\\n# pass 3\\n# fail 0\\n");
      for (let at = 0; at < 200; at++) process.stdout.write("not ok 1 # TODO\\n".repeat(1000));
      process.stdout.write("\\u001b[".repeat(1e5) + "\\n" + "1 failed, ".repeat(1e5) + "\\n# pass 1\\n");`;
    const project = await hostFiles(detected("node hostile.mjs", { "hostile.mjs": hostile }));
    const { check } = await validated({ directories: [project] });
    expect(check("test")).toMatchObject({ verdict: "passed", tests: { passed: 4, failed: 0, skipped: 0 } });
  });
});
