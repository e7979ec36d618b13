import type { TestCounts } from "../types.js";

/** What a runner says of itself in one line. */
export interface Said extends Partial<TestCounts> {
  /** It ran tests and doesn't say how many. */
  some?: boolean;
}

/** What one line can only mean after another. */
export interface Seen {
  /** unittest says how many it ran, and in another line how they ended. */
  ran?: number | undefined;
  /** Whose lines are told from other words only by a heading. */
  headings: Set<"mocha" | "playwright" | "bun">;
}

interface Form {
  pattern: RegExp;
  /** Undefined where it is none of a runner's after all. */
  read(match: RegExpExecArray, seen: Seen): Said | undefined;
}

const none: Said = {};
const n = (text: string | undefined): number => Number(text ?? 0);

/** `1 failed | 30 passed`, `Tests: 1 failed, 34 total`: numbers before their words. */
const kinds: Readonly<Record<string, keyof TestCounts>> = {
  ...{ passed: "passed", pass: "passed", xpassed: "passed" },
  ...{
    failed: "failed",
    fail: "failed",
    error: "failed",
    errors: "failed",
    failures: "failed",
    failure: "failed",
  },
  ...{ skipped: "skipped", skip: "skipped", todo: "skipped", xfailed: "skipped", pending: "skipped" },
  ignored: "skipped",
};

function words(text: string): Said {
  const said: Said = {};
  for (const [, number, word = ""] of text.matchAll(/(\d{1,9}) ([a-z]{1,20})/g)) {
    const kind = kinds[word];
    if (kind !== undefined) said[kind] = n(said[kind]?.toString()) + n(number);
  }
  return said;
}

const time = "\\d[\\d.]{0,20} ?(?:ms|s|m|h)";

/**
 * The lines in which runners sum up, from the start of the line to its end: what a linter prints is none of them.
 * They add up, since a step may run several. Patterns are linear: what they read is hostile.
 */
export const forms: readonly Form[] = [
  {
    // node --test as TAP and as spec, tape
    pattern: /^[#ℹ] {1,2}(pass|fail|cancelled|skipped|skip|todo|tests) {1,8}(\d{1,9})$/,
    read: ([, word, count]) => {
      if (word === "tests") return none;
      return { [word === "cancelled" ? "failed" : (kinds[word ?? ""] ?? "skipped")]: n(count) };
    },
  },
  {
    // Jest; Vitest, whose numbers stand between bars
    pattern:
      /^(?:Tests: {1,12}| {1,12}Tests {1,4})((?:\d{1,9} [a-z]{1,12}(?:, | \| )?){1,8}(?: ?\(\d{1,9}\))?)$/,
    read: ([, text = ""]) => words(text),
  },
  { pattern: /^ {1,12}Tests {1,4}no tests$/, read: () => none },
  {
    pattern: /^(?:Error: )?No (?:tests?|test files?|test modules?) (?:found|to run)[,.!: ]?.{0,200}$/i,
    read: () => none,
  },
  { pattern: /^error: (?:No tests found!|No test modules found|no tests to run)$/, read: () => none },
  { pattern: /^\s{0,4}✖ Couldn’t find any files to test.{0,200}$/, read: () => none },
  {
    pattern: new RegExp(`^ {0,8}(\\d{1,9}) passing \\(${time}\\)$`),
    read: ([, count], seen) => {
      seen.headings.add("mocha");
      return { passed: n(count) };
    },
  },
  {
    pattern: /^ {1,8}(\d{1,9}) (pending|failing)$/,
    read: ([, count, word], { headings }) =>
      headings.has("mocha") ? { [word === "failing" ? "failed" : "skipped"]: n(count) } : undefined,
  },
  {
    // AVA
    pattern: /^ {0,4}(\d{1,9}) (?:tests? (passed|failed|skipped|todo)|known failures?)$/,
    read: ([, count, word]) => (word === undefined ? { skipped: n(count) } : words(`${count} ${word}`)),
  },
  {
    // tap, its reporters for people
    pattern: /^Asserts: {1,4}(\d{1,9} pass.{0,80})$/,
    read: ([, text = ""]) => words(text),
  },
  {
    pattern: /^Running (\d{1,9}) tests? using \d{1,9} workers?.{0,80}$/,
    read: (_, { headings }) => {
      headings.add("playwright");
      return none;
    },
  },
  {
    pattern: new RegExp(
      `^ {2}(\\d{1,9}) (passed|failed|flaky|skipped|did not run|interrupted)(?: \\(${time}\\))?$`,
    ),
    read: ([, count, word], { headings }) => {
      if (!headings.has("playwright")) return undefined;
      if (word === "passed" || word === "flaky") return { passed: n(count) };
      return word === "failed" || word === "interrupted" ? { failed: n(count) } : { skipped: n(count) };
    },
  },
  {
    pattern: /^bun test v\d.{0,60}$/,
    read: (_, { headings }) => {
      headings.add("bun");
      return none;
    },
  },
  {
    pattern: /^ {0,4}(\d{1,9} (?:pass|fail|skip|todo))$/,
    read: ([, text = ""], { headings }) => (headings.has("bun") ? words(text) : undefined),
  },
  {
    // deno test
    pattern: /^(?:ok|FAILED) \| (\d{1,9} passed.{0,20} \| \d{1,9} failed.{0,80})$/,
    read: ([, text = ""]) => words(text),
  },
  {
    pattern:
      /^(?:={1,200} )?(?:no tests ran|(\d{1,9} [a-z]{1,12}(?:, \d{1,9} [a-z ]{1,20}){0,9})) in \d[\d.]{0,12}s(?: \([\d:, days]{1,30}\))?(?: ={1,200})?$/,
    read: ([, text = ""]) => words(text),
  },
  {
    pattern: /^Ran (\d{1,9}) tests? in \d[\d.]{0,12}s$/,
    read: ([, count], seen) => {
      seen.ran = n(seen.ran?.toString()) + n(count);
      return none;
    },
  },
  {
    pattern: /^(?:OK|FAILED|NO TESTS RAN)(?: \(([a-z =,\d]{1,200})\))?$/,
    read: ([, text = ""], seen) => {
      if (seen.ran === undefined) return undefined;
      const counted = (word: string) => n(new RegExp(`(?:^|, )${word}=(\\d{1,9})`).exec(text)?.[1]);
      const failed = counted("failures") + counted("errors") + counted("unexpected successes");
      const skipped = counted("skipped") + counted("expected failures");
      const passed = Math.max(0, seen.ran - failed - skipped);
      seen.ran = undefined;
      return { passed, failed, skipped };
    },
  },
  {
    pattern: /^test result: (?:ok|FAILED)\. (\d{1,9} passed; \d{1,9} failed; \d{1,9} ignored); .{0,120}$/,
    read: ([, text = ""]) => words(text),
  },
  {
    // nextest
    pattern: /^ {1,12}Summary \[ {0,12}[\d.]{1,12}s\] (?:\d{1,9}\/)?\d{1,9} tests? run: (.{1,160})$/,
    read: ([, text = ""]) => words(text),
  },
  {
    // Maven's surefire: a class has a time, a module has none
    pattern:
      /^(?:\[\w{4,8}\] )?Tests run: (\d{1,9}), Failures: (\d{1,9}), Errors: (\d{1,9}), Skipped: (\d{1,9})$/,
    read: ([, run, failures, errors, skipped]) => ({
      passed: Math.max(0, n(run) - n(failures) - n(errors) - n(skipped)),
      ...{ failed: n(failures) + n(errors), skipped: n(skipped) },
    }),
  },
  { pattern: /^\[INFO\] (?:No tests to run\.|Tests are skipped\.)$/, read: () => none },
  {
    // Gradle, which counts only where some failed
    pattern: /^(\d{1,9}) tests? completed(?:, (\d{1,9}) failed)?(?:, (\d{1,9}) skipped)?$/,
    read: ([, run, failed, skipped]) => ({
      passed: Math.max(0, n(run) - n(failed) - n(skipped)),
      ...{ failed: n(failed), skipped: n(skipped) },
    }),
  },
  {
    pattern: /^> Task :(?:[\w.-]{1,60}:){0,8}test(?: ([A-Z-]{1,20}))?$/,
    read: ([, state]) => (state === "NO-SOURCE" ? none : { some: true }),
  },
  {
    // gotestsum
    pattern: /^DONE \d{1,9} tests?(.{0,80}) in \d[\d.]{0,12}s$/,
    read: ([line, rest = ""]) => {
      const { failed = 0, skipped = 0 } = words(rest);
      return { passed: Math.max(0, n(/\d{1,9}/.exec(line)?.[0]) - failed - skipped), failed, skipped };
    },
  },
];
