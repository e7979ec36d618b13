import type { TestCounts } from "../types.js";
import { GoTests } from "./go-tests.js";
import { prefixOf } from "./prefix.js";
import { forms, type Said, type Seen } from "./runners.js";
import { Tap } from "./tap.js";

/** What the runners of a step said together. */
export interface Counted {
  tests: TestCounts;
  /** All of them say that they ran nothing. */
  none: boolean;
}

/** A line without these is none of a runner's; most lines are told by it. */
const MAY_BE =
  /pass|fail|skip|todo|pending|cancelled|flaky|did not run|interrupted|tests? |tests\b|ignored|\bok\b|TAP version|"Action"|\? {3}\t|coverage:|> Task :|no test/i;

/** Adds up what runners say of themselves in the lines of a step. */
export class Counts {
  readonly #seen: Seen = { headings: new Set() };
  readonly #go = new GoTests();
  readonly #tap = new Tap();
  readonly #sum: TestCounts = { passed: 0, failed: 0, skipped: 0 };
  #said = false;
  #some = false;

  /** Whether it took more than a glance. */
  line(text: string): boolean {
    if (!MAY_BE.test(text)) return false;
    if (this.#read(text)) return true;
    const prefix = prefixOf(text);
    if (prefix !== "") this.#read(text.slice(prefix.length));
    return true;
  }

  /** Undefined where none of them said anything. */
  counted(): Counted | undefined {
    const others = [this.#go.counts(), this.#tap.counts()].filter((counts) => counts !== undefined);
    const tests = others.reduce(added, this.#sum);
    if (!this.#said && others.length === 0) return undefined;
    return { tests, none: tests.passed + tests.failed === 0 && !this.#some };
  }

  #read(text: string): boolean {
    this.#tap.line(text);
    if (this.#go.line(text)) return true;
    for (const { pattern, read } of forms) {
      const match = pattern.exec(text);
      const said = match === null ? undefined : read(match, this.#seen);
      if (said === undefined) continue;
      this.#add(said);
      return true;
    }
    return false;
  }

  #add({ passed = 0, failed = 0, skipped = 0, some = false }: Said): void {
    this.#said = true;
    this.#some ||= some;
    Object.assign(this.#sum, added(this.#sum, { passed, failed, skipped }));
  }
}

function added(a: TestCounts, b: TestCounts): TestCounts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}
