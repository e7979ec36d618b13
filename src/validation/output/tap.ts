import type { TestCounts } from "../types.js";

/** The tests of TAP whose producer doesn't sum up: those that are not indented. */
export class Tap {
  #open: TestCounts | undefined;
  #before: TestCounts | undefined;

  line(text: string): void {
    if (/^TAP version 1[34]$/.test(text)) {
      this.#before = this.counts();
      this.#open = { passed: 0, failed: 0, skipped: 0 };
      return;
    }
    if (this.#open === undefined) return;
    // node --test and tape sum up: that is counted elsewhere.
    if (/^# tests {1,8}\d{1,9}$/.test(text)) {
      this.#open = undefined;
      return;
    }
    const [, not, rest = ""] = /^(not )?ok \d{1,9}\b(.{0,2000})$/.exec(text) ?? [];
    if (!/^(?:not )?ok \d/.test(text)) return;
    const kind = /# (?:SKIP|TODO)\b/i.test(rest) ? "skipped" : not === undefined ? "passed" : "failed";
    this.#open[kind]++;
  }

  /** Undefined where there was none. */
  counts(): TestCounts | undefined {
    const [a, b] = [this.#before, this.#open];
    if (a === undefined || b === undefined) return a ?? b;
    return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
  }
}
