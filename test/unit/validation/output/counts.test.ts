import { expect, test } from "vitest";
import { Counts } from "../../../../src/validation/output/counts.js";

function counted(text: string) {
  const counts = new Counts();
  for (const line of text.split("\n")) counts.line(line);
  const { tests, none } = counts.counted() ?? {};
  return tests && [tests.passed, tests.failed, tests.skipped, ...(none ? ["none"] : [])];
}

/** As each runner printed it; what the numbers say is passed, failed, skipped. */
test.each<[string, string, (number | string)[]]>([
  [
    "node --test, TAP",
    "TAP version 13\nok 1 - a\nnot ok 2 - b\n1..3\n# tests 3\n# suites 1\n# pass 1\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n# duration_ms 96.1",
    [1, 1, 1],
  ],
  [
    "node --test, spec",
    "ℹ tests 31\nℹ suites 0\nℹ pass 30\nℹ fail 0\nℹ cancelled 1\nℹ skipped 0\nℹ todo 0",
    [30, 1, 0],
  ],
  [
    "node --test of nothing",
    "TAP version 13\n1..0\n# tests 0\n# suites 0\n# pass 0\n# fail 0\n# cancelled 0\n# skipped 0\n# todo 0",
    [0, 0, 0, "none"],
  ],
  ["tape", "TAP version 13\nok 1 a\nnot ok 2 b\n\n1..2\n# tests 2\n# pass  1\n# fail  1", [1, 1, 0]],
  [
    "tap",
    "TAP version 14\n# Subtest: a.js\n    ok 1 - x\n    1..1\nok 1 - a.js # time=1ms\nnot ok 2 - b.js\nok 3 - c.js # SKIP\n1..3\n# { total: 3, pass: 2, fail: 1 }",
    [1, 1, 1],
  ],
  ["tap, of nothing", "TAP version 14\n1..0 # no tests found", [0, 0, 0, "none"]],
  [
    "tap for people",
    "Asserts:  3 pass  1 fail  4 of 4 complete\nSuites:   1 pass  0 fail  1 of 1 complete",
    [3, 1, 0],
  ],
  [
    "Jest",
    "Test Suites: 1 failed, 1 total\nTests:       1 failed, 1 skipped, 2 todo, 30 passed, 34 total\nSnapshots:   0 total",
    [30, 1, 3],
  ],
  ["Jest of nothing", "No tests found, exiting with code 0", [0, 0, 0, "none"]],
  [
    "Vitest",
    " Test Files  1 failed | 2 passed (3)\n      Tests  1 failed | 30 passed | 1 skipped | 1 todo (33)",
    [30, 1, 2],
  ],
  ["Vitest of nothing", "\nNo test files found, exiting with code 0\n", [0, 0, 0, "none"]],
  ["Vitest of empty files", " Test Files  1 failed (1)\n      Tests  no tests", [0, 0, 0, "none"]],
  ["Mocha", "  30 passing (12ms)\n  2 pending\n  1 failing", [30, 1, 2]],
  ["Mocha of nothing", "\n\n  0 passing (1ms)\n", [0, 0, 0, "none"]],
  ["AVA", "  ─\n\n  1 test failed\n  2 tests passed\n  1 test skipped\n  1 known failure", [2, 1, 2]],
  [
    "Playwright",
    "Running 4 tests using 1 worker\n  1 failed\n    pw/a.ts:2:27 › x ───\n  1 flaky\n  1 skipped\n  1 passed (2.4s)",
    [2, 1, 1],
  ],
  [
    "go test",
    "?   \texample.com/x/b\t[no test files]\nok  \texample.com/x/a\t0.003s\nok  \texample.com/x/c\t(cached)\n--- FAIL: TestX (0.00s)\nFAIL\nFAIL\texample.com/x/d\t0.004s",
    [2, 1, 0],
  ],
  [
    "go test -v",
    "=== RUN   TestOk\n--- PASS: TestOk (0.00s)\n--- SKIP: TestS (0.00s)\nPASS\nok  \texample.com/x/a\t0.003s",
    [1, 0, 1],
  ],
  [
    "go test -json",
    '{"Time":"2026-01-01T00:00:00Z","Action":"pass","Package":"x/a","Test":"TestOk","Elapsed":0}',
    [1, 0, 0],
  ],
  [
    "go test of nothing",
    "?   \texample.com/x/b\t[no test files]\nok  \texample.com/x/c\t0.002s [no tests to run]",
    [0, 0, 0, "none"],
  ],
  [
    "cargo test: its binaries add up",
    "running 2 tests\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\nrunning 0 tests\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\ntest result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
    [3, 1, 1],
  ],
  [
    "cargo test of nothing",
    "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
    [0, 0, 0, "none"],
  ],
  [
    "nextest",
    "     Summary [   0.005s] 4 tests run: 2 passed (1 slow), 1 failed, 1 timed out, 1 skipped",
    [2, 1, 1],
  ],
  ["pytest", "==== 1 failed, 30 passed, 1 skipped, 2 xfailed, 1 error in 0.12s ====", [30, 2, 3]],
  ["pytest -q", "30 passed, 1 warning in 65.12s (0:01:05)", [30, 0, 0]],
  [
    "pytest of nothing",
    "============================ no tests ran in 0.01s =============================",
    [0, 0, 0, "none"],
  ],
  ["pytest that skips all", "2 skipped in 0.01s", [0, 0, 2, "none"]],
  ["unittest", "Ran 6 tests in 0.001s\n\nFAILED (failures=1, errors=1, skipped=1)", [3, 2, 1]],
  [
    "unittest of nothing",
    "----------------------------------------------------------------------\nRan 0 tests in 0.000s\n\nOK",
    [0, 0, 0, "none"],
  ],
  ["unittest of nothing, since Python 3.12", "Ran 0 tests in 0.000s\n\nNO TESTS RAN", [0, 0, 0, "none"]],
  [
    "bun",
    "bun test v1.2.0 (abc)\n\n 3 pass\n 1 skip\n 1 fail\n 5 expect() calls\nRan 5 tests across 1 files. [12.00ms]",
    [3, 1, 1],
  ],
  ["deno", "FAILED | 2 passed (3 steps) | 1 failed | 1 ignored (17ms)", [2, 1, 1]],
  [
    "Maven, whose classes are not counted twice",
    "[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.05 s -- in x.ATest\n[INFO] Tests run: 3, Failures: 1, Errors: 0, Skipped: 1",
    [1, 1, 1],
  ],
  ["Gradle", "5 tests completed, 1 failed, 1 skipped", [3, 1, 1]],
  ["Gradle without sources of tests", "> Task :app:test NO-SOURCE", [0, 0, 0, "none"]],
  ["Gradle, which doesn't count passes", "> Task :lib:test NO-SOURCE\n> Task :app:test", [0, 0, 0]],
  [
    "packages below a prefix",
    "packages/a test: # tests 2\npackages/a test: # pass 2\npackages/b test: # tests 0\n[c]: Ran 1 test in 0.1s\n[c]: OK\nweb:test:       Tests  2 passed (2)",
    [5, 0, 0],
  ],
])("%s", (_, text, said) => expect(counted(text)).toEqual(said));

test.each([
  ["a linter", "✖ 0 problems\nChecked 12 files. No tests were checked.\n0 tests"],
  [
    "words about tests",
    "all 3 tests passed!\n2 passing grades\n1 failing\nok 1\nOK\nFAILED\n3 pass\nTests: see README",
  ],
  ["a paragraph that says it", "we found that 0 passed in 1s of the time, Ran 0 tests in all"],
])("%s is no runner", (_, text) => expect(counted(text)).toBeUndefined());
