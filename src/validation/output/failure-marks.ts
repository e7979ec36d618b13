/** How a runner, a compiler or a linter begins to say what failed. */
export interface Mark {
  /** One that says more stands for the failure, also where it comes later; of equal ones the first. */
  rank: 0 | 1 | 2 | 3;
  start: RegExp;
  /** Looks like a start and is none. */
  not?: RegExp;
  /** Only after such a line. */
  after?: RegExp;
  /** What the line before must be; it is shown, too. */
  before?: RegExp;
  /** Lines that may have come before and are about it, since the last that matches `since`. */
  earlier?: { line: RegExp; since: RegExp };
  /** The first line that is not about it any more. */
  until?: RegExp;
  /** Of the lines that follow only these. */
  keep?: RegExp;
  /** Of the lines that follow not these. */
  drop?: RegExp;
  /** Lines that follow, at most. Default 12. */
  lines?: number;
}

/** Its own frames say where; those of runners and of Node don't, nor what an error repeats of itself. */
const NOISE =
  /^\s*$|\(node:|node:internal|node_modules|\(<anonymous>\)|^\s*at (?:async )?(?:Test|Suite|process)\.|^\s*(?:---$|(?:duration_ms|type|failureType|code|stack|generatedMessage|diff|operator):)/;

/** Patterns are linear, and lines that they see have at most some hundred characters: what they read is hostile. */
export const marks: readonly Mark[] = [
  {
    // TAP, node's and others'
    rank: 3,
    start: /^\s{0,40}not ok \d{1,9}\b/,
    not: /# (?:TODO|SKIP)\b/i,
    until: /^\s*(?:\.\.\.$|ok \d|not ok \d|# Subtest|# tests |1\.\.\d)/,
    drop: NOISE,
  },
  // node's spec, at its end
  { rank: 3, start: /^test at \S{1,300}:\d+:\d+$/, until: /^test at /, drop: NOISE },
  {
    rank: 1,
    start: /^\s{0,40}✖ .{1,300} \(\d[\d.]*ms\)/,
    drop: NOISE,
    until: /^\s*[✔✖▶ℹ﹣] /,
    lines: 8,
  },
  {
    // Jest
    rank: 3,
    start: /^\s{0,4}● \S/,
    not: /^\s{0,4}● (?:Console$|Cannot log after)|Warning:?$/,
    until: /^\s{0,4}● |^Test Suites: |^(?:PASS|FAIL) /,
    drop: NOISE,
    lines: 16,
  },
  // Vitest
  { rank: 3, start: /^ FAIL {2}\S/, until: /^ FAIL {2}|^⎯{8,}|^ Test Files /, drop: /^\s*$/, lines: 14 },
  { rank: 1, start: /^\s{1,8}[×✗] \S/, until: /^\s{1,8}[✓×❯] /, lines: 4 },
  { rank: 1, start: /^FAIL \S/, lines: 2 },
  // Mocha
  {
    rank: 3,
    start: /^\s{1,6}1\) \S/,
    after: /^\s{1,8}\d+ failing$/,
    until: /^\s{1,6}2\) /,
    drop: NOISE,
  },
  // Playwright
  { rank: 3, start: /^\s{1,6}1\) .{1,300} › /, until: /^\s{1,6}2\) |^ {2}\d+ \w/, drop: /^\s*$/, lines: 14 },
  // AVA
  {
    rank: 3,
    start: /^ {2}\S/,
    not: /^ {2}\d+ /,
    after: /^\s+─+$/,
    until: /^\s+─+$/,
    drop: NOISE,
    lines: 14,
  },
  { rank: 1, start: /^\s{1,6}(?:✘ \[fail\]: |✖ )\S/, lines: 2 },
  {
    // pytest, and below it the summary of one that was told to say little
    rank: 3,
    start: /^_{3,200} .{1,200} _{3,200}$/,
    until: /^_{3,200} |^={3,200} /,
    keep: /^(?:>|E )|^\S{1,300}:\d+: |^[\w.]*(?:Error|Exception)\b/,
  },
  { rank: 2, start: /^(?:FAILED|ERROR) \S{1,300}(?:::| - |$)/, lines: 0 },
  {
    // unittest
    rank: 3,
    start: /^(?:FAIL|ERROR): \S{1,200} \(.{1,300}\)/,
    until: /^={20,}$|^Ran \d|^-{20,}$|^$/,
    drop: /^-{20,}$/,
    lines: 14,
  },
  // go
  {
    rank: 3,
    start: /^\s{0,12}--- FAIL: \S/,
    // With -v a test's words come before its end.
    earlier: { line: /^\s{2,20}\S{1,300}\.go:\d+: /, since: /^=== RUN|^\s{0,12}--- (?:PASS|SKIP)/ },
    until: /^(?:\S|$)/,
    lines: 10,
  },
  { rank: 3, start: /^panic: \S/, drop: /^$/, lines: 8 },
  { rank: 2, start: /^(?:vet: )?\S{1,300}\.go:\d+:\d+: \S/, lines: 4 },
  // Rust
  {
    rank: 3,
    start: /^---- \S{1,300} stdout ----$/,
    until: /^(?:note: |stack backtrace:|---- |failures:$)/,
    drop: /^$/,
    lines: 8,
  },
  {
    rank: 3,
    start: /^thread '.{1,300}' (?:\(\d+\) )?panicked at /,
    until: /^(?:note: |stack backtrace:|$|thread ')/,
    lines: 8,
  },
  {
    rank: 2,
    start: /^error(?:\[E\d{1,6}\])?: \S/,
    not: /could not compile|test failed, to rerun|aborting due to/,
    until: /^$/,
    lines: 10,
  },
  // TypeScript
  { rank: 2, start: /^\S.{0,300}(?:\(\d+,\d+\):| -) error TS\d+: /, lines: 5, until: /^(?:$|Found \d)/ },
  { rank: 2, start: /^error TS\d+: /, lines: 3 },
  // ESLint: the file stands above
  { rank: 2, start: /^\s{2,6}\d+:\d+\s{1,8}error\s/, before: /^\S.{0,400}$/, until: /^$/, lines: 5 },
  // Biome
  {
    rank: 2,
    start:
      /^\S{1,300} (?:lint|format|parse|assist|organizeImports|suppressions|check|ci)\S{0,80} .{0,40}━{3}/,
    drop: /^\s*$/,
    lines: 8,
  },
  // ruff, and all others that point with an arrow at what they name above
  {
    rank: 2,
    start: /^\s{0,8}--> \S{1,300}:\d+:\d+$/,
    before: /^(?:[A-Z]{1,6}\d{2,5}|invalid-syntax)\b/,
    until: /^$/,
    lines: 6,
  },
  { rank: 2, start: /^\S{1,300}:\d+:\d+: [A-Z]{1,6}\d{2,5}\b/, lines: 4, until: /^$/ },
  { rank: 2, start: /^[Ww]ould reformat/, lines: 4 },
  { rank: 1, start: /^\[warn\] \S/, lines: 4 },
  // mypy, pyright, javac, gcc
  { rank: 2, start: /^\s{0,4}\S{1,300}:\d+(?::\d+)?(?::| -) (?:fatal )?error: /, lines: 4, until: /^$/ },
  // Maven, Gradle
  {
    rank: 3,
    start: /^\[ERROR\] .{1,400}<<< (?:FAILURE|ERROR)!/,
    not: /^\[ERROR\] Tests run:/,
    until: /^(?:\[|$)/,
    lines: 6,
  },
  { rank: 2, start: /^\[ERROR\] \S{1,300}\.(?:java|kt|scala):\[?\d/, lines: 3 },
  { rank: 3, start: /^\S.{0,300} > .{1,300} FAILED$/, until: /^(?:\S|$)/, lines: 8 },
  { rank: 1, start: /^\* What went wrong:/, until: /^$/, lines: 6 },
  {
    rank: 1,
    start: /^\[ERROR\] \S/,
    not: /^\[ERROR\] (?:Tests run:|Failures:|Errors:|For more|Re-run|To see)/,
    lines: 3,
  },
  // deno
  { rank: 3, start: /^\S.{0,200} => \S{1,300}:\d+:\d+$/, until: /^ ?FAILURES ?$/, drop: /^$/, lines: 8 },
  // Programs that end by themselves
  { rank: 1, start: /^Traceback \(most recent call last\):/, keep: /^\w[\w.]{0,100}(?:: |$)/, lines: 1 },
  { rank: 1, start: /^(?:\S{1,80}: )?(?:line )?\d{0,6}:? ?\S{1,200}: (?:command )?not found$/, lines: 0 },
  {
    rank: 1,
    start: /^(?:Uncaught )?(?:\w{0,60}(?:Error|Exception))(?: \[\w{1,60}\])?: \S/,
    drop: NOISE,
    lines: 4,
  },
  {
    rank: 0,
    start: /^(?:error|fatal|ERR!|npm (?:error|ERR!)|E|FATAL)\b:? \S/i,
    not: /^error Command failed/,
    lines: 4,
  },
];
