import { type Mark, marks } from "./failure-marks.js";
import { prefixOf } from "./prefix.js";

const LONGEST = 300;
const MOST_LINES = 12;
const MOST_EARLIER = 4;
/** No mark says more. */
const HIGHEST = 3;

const earliers = marks.flatMap(({ earlier }) => (earlier === undefined ? [] : [earlier]));

/** A line without these begins nothing; most lines are told by it. */
const MAY_BE =
  /fail|error|not ok|✖|✘|●|×|✗|─|panic|not found|--- |--> |___|reformat|\[warn\]|traceback|exception|fatal|ERR!|went wrong|test at | => |1\) |\.go:|:\d+: [A-Z]|━|stdout ---/i;

interface Found {
  mark: Mark;
  prefix: string;
  lines: string[];
  left: number;
}

/** What failed first in one stream of a step, as its runner says it: with its name, its message and its place. */
export class FirstFailure {
  readonly #armed = new Set<Mark>();
  #best: Found | undefined;
  #open: Found | undefined;
  #before = "";
  #earlier: string[] = [];

  /** Whether it took more than a glance. */
  line(whole: string): boolean {
    const text = whole.slice(0, LONGEST);
    this.#continue(text);
    const most = this.#best?.mark.rank ?? -1;
    if (most === HIGHEST) return false;
    const mayBe = MAY_BE.test(text);
    if (mayBe || text.startsWith("=== RUN")) this.#remember(text);
    if (mayBe) {
      if (!this.#start(text, "", most)) {
        const prefix = prefixOf(text);
        if (prefix !== "") this.#start(text.slice(prefix.length), prefix, most);
      }
    } else if (this.#armed.size > 0) this.#start(text, "", most);
    this.#before = text;
    return mayBe || this.#armed.size > 0;
  }

  /** Higher than any other's of the same step, and it is the one. */
  get rank(): number {
    return this.#best?.mark.rank ?? -1;
  }

  toString(): string {
    const lines = [...(this.#best?.lines ?? [])];
    while (lines.at(-1)?.trim() === "") lines.pop();
    return lines.join("\n");
  }

  #start(text: string, prefix: string, most: number): boolean {
    for (const mark of marks) {
      if (mark.after?.test(text)) this.#armed.add(mark);
      else if (mark.rank > most && this.#matches(mark, text)) {
        const lines = [...(mark.before === undefined ? [] : [this.#before]), text];
        if (mark.earlier !== undefined) lines.push(...this.#earlier);
        this.#best = { mark, prefix, lines, left: mark.lines ?? MOST_LINES };
        this.#open = this.#best;
        return true;
      }
    }
    return false;
  }

  #matches(mark: Mark, text: string): boolean {
    if (mark.after !== undefined && !this.#armed.has(mark)) return false;
    if (!mark.start.test(text) || mark.not?.test(text)) return false;
    return mark.before?.test(this.#before) ?? true;
  }

  #remember(text: string): void {
    for (const earlier of earliers) {
      if (earlier.since.test(text)) this.#earlier = [];
      else if (this.#earlier.length < MOST_EARLIER && earlier.line.test(text)) this.#earlier.push(text);
    }
  }

  #continue(text: string): void {
    const open = this.#open;
    if (open === undefined || !text.startsWith(open.prefix)) return;
    const { mark, lines } = open;
    const line = text.slice(open.prefix.length);
    if (open.left === 0 || (mark.until?.test(line) && lines.length > 1)) {
      this.#open = undefined;
      return;
    }
    if (mark.drop?.test(line) || !(mark.keep?.test(line) ?? true)) return;
    lines.push(line);
    open.left--;
  }
}
