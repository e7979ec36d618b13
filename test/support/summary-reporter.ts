import { writeFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import type { Reporter, TestCase, TestModule } from "vitest/node";

/**
 * For scripts/test: writes what it prints at its end into the file that FORKBOX_TEST_SUMMARY names. Each reason
 * for which tests were skipped, loudly, then what failed, and one line that CI reads: `Tests: N passed, N failed, N skipped`.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const file = process.env.FORKBOX_TEST_SUMMARY;
    if (!file) throw new Error("FORKBOX_TEST_SUMMARY names no file to write the summary to");
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const inState = (state: string) => tests.filter((test) => test.result().state === state);
    // A file that could not be loaded has no tests, and still failed. So has a run without any.
    const broken = modules.filter((module) => module.errors().length > 0).length;
    const failed = inState("failed").length + broken + unhandledErrors.length;
    const counts = `${inState("passed").length} passed, ${failed + Number(tests.length === 0)} failed`;
    const skipped = inState("skipped");
    const told = `${notices(skipped)}${failures(inState("failed"))}`;
    writeFileSync(file, `${told}Tests: ${counts}, ${skipped.length} skipped\n`);
  }
}

/** Last, where a log that was cut in the middle still has them. */
function failures(failed: readonly TestCase[]): string {
  return failed
    .map((test) => {
      const [error] = test.result().errors ?? [];
      const told = stripVTControlCharacters(`${error?.message}\n${error?.diff ?? ""}`).slice(0, 2000);
      return `!! FAILED: ${test.module.moduleId}: ${test.fullName}\n${told}\n\n`;
    })
    .join("");
}

function notices(skipped: readonly TestCase[]): string {
  const byReason = new Map<string, TestCase[]>();
  for (const test of skipped) {
    const result = test.result();
    const reason = (result.state === "skipped" && result.note) || "no reason given";
    byReason.set(reason, [...(byReason.get(reason) ?? []), test]);
  }
  return [...byReason]
    .map(([reason, tests]) => {
      const names = tests.slice(0, 3).map((test) => `  ${test.fullName}\n`);
      const more = tests.length > 3 ? `  and ${tests.length - 3} more\n` : "";
      return `!! SKIPPED, ${tests.length} tests: ${reason}\n${names.join("")}${more}\n`;
    })
    .join("");
}
