import { expect, test } from "vitest";
import { FirstFailure } from "../../../../src/validation/output/first-failure.js";

function found(text: string): string {
  const failure = new FirstFailure();
  for (const line of text.split("\n")) failure.line(line);
  return `${failure}`;
}

const noise = Array.from({ length: 30 }, (_, at) => `line ${at}`).join("\n");

/** As each printed it, and what of it says the name, the message and the place. */
test.each<[string, string, string[]]>([
  [
    "node --test, TAP",
    "TAP version 13\n# Subtest: good\nok 1 - good\n  ---\n  duration_ms: 1\n  ...\n# Subtest: NAME\nnot ok 2 - NAME\n  ---\n  duration_ms: 1\n  location: '/w/a.test.js:3:1'\n  failureType: 'testCodeFailure'\n  error: 'MESSAGE'\n  code: 'ERR_ASSERTION'\n  stack: |-\n    TestContext.<anonymous> (file:///w/a.test.js:3:41)\n    Test.runInAsyncScope (node:async_hooks:206:9)\n  ...\n# Subtest: later\nnot ok 3 - later",
    [
      "not ok 2 - NAME",
      "  location: '/w/a.test.js:3:1'",
      "  error: 'MESSAGE'",
      "    TestContext.<anonymous> (file:///w/a.test.js:3:41)",
    ],
  ],
  [
    "node --test, spec",
    "✖ NAME (0.9ms)\n✔ good (0.1ms)\nℹ tests 2\n\n✖ failing tests:\n\ntest at a.test.js:3:1\n✖ NAME (0.9ms)\n  AssertionError [ERR_ASSERTION]: MESSAGE\n      at TestContext.<anonymous> (file:///w/a.test.js:3:41)\n      at Test.run (node:internal/test:1:2)\n    code: 'ERR_ASSERTION',\n\ntest at b.test.js:9:1\n✖ other (1ms)",
    [
      "test at a.test.js:3:1",
      "✖ NAME (0.9ms)",
      "  AssertionError [ERR_ASSERTION]: MESSAGE",
      "      at TestContext.<anonymous> (file:///w/a.test.js:3:41)",
    ],
  ],
  [
    "Jest, after what it logged",
    "  ● Console\n\n    console.error\n      Error: expected here\n\n  ● suite › NAME\n\n    MESSAGE\n\n      at Object.<anonymous> (a.test.js:1:110)\n      at run (node_modules/jest-circus/build/run.js:1:1)\n\n  ● suite › other\n\n    no",
    ["  ● suite › NAME", "    MESSAGE", "      at Object.<anonymous> (a.test.js:1:110)"],
  ],
  [
    "Vitest",
    " ❯ a.test.ts (2 tests | 1 failed) 5ms\n   × NAME 3ms\n⎯⎯⎯⎯⎯⎯⎯ Failed Tests 1 ⎯⎯⎯⎯⎯⎯⎯\n\n FAIL  a.test.ts > suite > NAME\nAssertionError: MESSAGE\n ❯ a.test.ts:5:13\n⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯[1/1]⎯\n",
    [" FAIL  a.test.ts > suite > NAME", "AssertionError: MESSAGE", " ❯ a.test.ts:5:13"],
  ],
  [
    "Mocha",
    "    1) NAME\n  1 passing (6ms)\n  1 failing\n\n  1) suite\n       NAME:\n\n      AssertionError: MESSAGE\n      at Context.<anonymous> (a.spec.js:2:81)\n\n  2) other",
    [
      "  1) suite",
      "       NAME:",
      "      AssertionError: MESSAGE",
      "      at Context.<anonymous> (a.spec.js:2:81)",
    ],
  ],
  [
    "AVA",
    "  ✘ [fail]: NAME\n  ─\n\n  NAME\n\n  a.js:2\n\n  MESSAGE\n\n  › file://a.js:2:60\n\n  ─\n\n  1 test failed",
    ["  NAME", "  a.js:2", "  MESSAGE", "  › file://a.js:2:60"],
  ],
  [
    "pytest",
    "=== FAILURES ===\n______ T.NAME ______\n\n    def NAME(self):\n        x = 1\n>       assert x == 2, 'MESSAGE'\nE       AssertionError: MESSAGE\nE       assert 1 == 2\n\ntest_x.py:4: AssertionError\n______ other ______\n=== short test summary info ===\nFAILED test_x.py::T::NAME - MESSAGE",
    [
      "______ T.NAME ______",
      ">       assert x == 2, 'MESSAGE'",
      "E       AssertionError: MESSAGE",
      "E       assert 1 == 2",
      "test_x.py:4: AssertionError",
    ],
  ],
  [
    "pytest --tb=no",
    "F.\nFAILED test_x.py::T::NAME - AssertionError: MESSAGE\n1 failed in 0.1s",
    ["FAILED test_x.py::T::NAME - AssertionError: MESSAGE"],
  ],
  [
    "unittest",
    'F.\n======================================================================\nFAIL: NAME (test_x.T.NAME)\n----------------------------------------------------------------------\nTraceback (most recent call last):\n  File "/w/test_x.py", line 4, in NAME\nAssertionError: MESSAGE\n\n======================================================================\nFAIL: other (x)',
    [
      "FAIL: NAME (test_x.T.NAME)",
      "Traceback (most recent call last):",
      '  File "/w/test_x.py", line 4, in NAME',
      "AssertionError: MESSAGE",
    ],
  ],
  [
    "go test",
    "--- FAIL: NAME (0.00s)\n    --- FAIL: NAME/sub (0.00s)\n        a_test.go:4: MESSAGE\nFAIL\nFAIL\tx/a\t0.1s",
    ["--- FAIL: NAME (0.00s)", "    --- FAIL: NAME/sub (0.00s)", "        a_test.go:4: MESSAGE"],
  ],
  [
    "go test -v, which tells why before",
    "=== RUN   good\n    a_test.go:1: not this\n--- PASS: good (0.00s)\n=== RUN   NAME\n    a_test.go:4: MESSAGE\n--- FAIL: NAME (0.00s)\nFAIL",
    ["--- FAIL: NAME (0.00s)", "    a_test.go:4: MESSAGE"],
  ],
  [
    "go build",
    "# example.com/x/a\na/a.go:3:5: undefined: y\na/a.go:4:5: undefined: z",
    ["a/a.go:3:5: undefined: y", "a/a.go:4:5: undefined: z"],
  ],
  [
    "cargo test",
    "test tests::NAME ... FAILED\n\nfailures:\n\n---- tests::NAME stdout ----\n\nthread 'tests::NAME' panicked at src/lib.rs:3:56:\nassertion failed: MESSAGE\nnote: run with `RUST_BACKTRACE=1`\n\nerror: test failed, to rerun pass `--lib`",
    [
      "---- tests::NAME stdout ----",
      "thread 'tests::NAME' panicked at src/lib.rs:3:56:",
      "assertion failed: MESSAGE",
    ],
  ],
  [
    "rustc",
    "warning: unused\n --> src/main.rs:1:1\n\nerror[E0308]: mismatched types\n --> src/main.rs:3:5\n  |\n3 |     1\n\nerror: could not compile `x`",
    ["error[E0308]: mismatched types", " --> src/main.rs:3:5", "  |", "3 |     1"],
  ],
  [
    "tsc",
    "> tsc\n\nsrc/a.ts(3,5): error TS2322: MESSAGE\n  because\nFound 1 error",
    ["src/a.ts(3,5): error TS2322: MESSAGE", "  because"],
  ],
  ["ESLint", "\n/w/main.js\n  1:5  warning  meh  x\n", []],
  [
    "ESLint, with the file above",
    "\n/w/main.js\n  1:5  error  MESSAGE  no-unused-vars\n\n✖ 1 problem",
    ["/w/main.js", "  1:5  error  MESSAGE  no-unused-vars"],
  ],
  [
    "Biome",
    "a.js:1:1 lint/suspicious/noVar ━━━━━━━━━━━━━\n\n  × MESSAGE\n",
    ["a.js:1:1 lint/suspicious/noVar ━━━━━━━━━━━━━", "  × MESSAGE"],
  ],
  [
    "ruff",
    "F401 [*] `os` imported but unused\n --> main.py:1:8\n  |\n1 | import os\n\nFound 1 error.",
    ["F401 [*] `os` imported but unused", " --> main.py:1:8", "  |", "1 | import os"],
  ],
  [
    "mypy",
    "main.py:3: error: MESSAGE  [assignment]\nFound 1 error in 1 file",
    ["main.py:3: error: MESSAGE  [assignment]", "Found 1 error in 1 file"],
  ],
  [
    "Maven",
    "[ERROR] Tests run: 1, Failures: 1 <<< FAILURE! -- in x.A\n[ERROR] x.A.NAME -- Time elapsed: 0.01 s <<< FAILURE!\norg.x.AssertionFailedError: MESSAGE\n\tat x.A.NAME(A.java:15)\n\n[INFO] BUILD FAILURE",
    [
      "[ERROR] x.A.NAME -- Time elapsed: 0.01 s <<< FAILURE!",
      "org.x.AssertionFailedError: MESSAGE",
      "\tat x.A.NAME(A.java:15)",
    ],
  ],
  [
    "a program's own error",
    "starting\nError: MESSAGE\n    at main (/w/a.js:1:1)\n    at Module._compile (node:internal/modules:1:1)",
    ["Error: MESSAGE", "    at main (/w/a.js:1:1)"],
  ],
  [
    "Python's own error",
    'Traceback (most recent call last):\n  File "/w/a.py", line 1\n    x()\nRuntimeError: MESSAGE',
    ["Traceback (most recent call last):", "RuntimeError: MESSAGE"],
  ],
  [
    "a package below a prefix",
    "packages/a test: not ok 1 - NAME\npackages/b test: ok 1 - x\npackages/a test:   error: 'MESSAGE'\npackages/a test:   ...\n",
    ["not ok 1 - NAME", "  error: 'MESSAGE'"],
  ],
])("%s", (_, text, said) =>
  expect(found(`${noise}\n${text}\n${noise}`).split("\n").slice(0, Math.max(1, said.length))).toEqual(
    said.length === 0 ? [""] : said,
  ),
);
