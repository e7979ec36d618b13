import type { StreamName } from "../../engine.js";
import { Causes } from "./causes.js";
import { Counts } from "./counts.js";
import { FirstFailure } from "./first-failure.js";
import { type Line, Lines } from "./lines.js";
import type { Log } from "./log.js";
import { Tail } from "./tail.js";

/** No line that a runner writes of itself is longer. */
const LONGEST = 2000;
/** Of the lines that could say something. What comes after them is only kept, but for the end, where runners sum up. */
const MOST_READ = 100_000;
const MOST_OF_END = 300;
/** What none of the readers looks at. */
const SILENT = /^\s*$/;

/** All that a step prints, read once as it comes: kept as a file and as its last lines, and understood as far as it can be. */
export class StepOutput {
  readonly causes = new Causes();
  readonly #counts = new Counts();
  readonly #failures = { stdout: new FirstFailure(), stderr: new FirstFailure() };
  readonly #tail = new Tail();
  readonly #lines: Record<StreamName, Lines>;
  readonly #log: Log;
  #isEmpty = true;
  #read = 0;
  #end: [StreamName, string][] = [];

  constructor(log: Log) {
    this.#log = log;
    const lines = (stream: StreamName) => new Lines((line) => this.#line(stream, line));
    this.#lines = { stdout: lines("stdout"), stderr: lines("stderr") };
  }

  push(stream: StreamName, text: string): void {
    this.#isEmpty &&= text === "";
    this.#lines[stream].push(text);
    this.#log.write();
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** A command has ended: what it printed without a line's end is a line. */
  flush(): void {
    this.#lines.stdout.flush();
    this.#lines.stderr.flush();
    for (const [stream, text] of this.#end.splice(0).slice(-MOST_OF_END)) this.#understand(stream, text);
    this.#log.write();
  }

  get tail(): string {
    return `${this.#tail}`;
  }

  get counted() {
    return this.#counts.counted();
  }

  /** "" where none of what is known was found. */
  get firstFailure(): string {
    const { stdout, stderr } = this.#failures;
    return `${stderr.rank > stdout.rank ? stderr : stdout}`;
  }

  #line(stream: StreamName, line: Line): void {
    this.#log.push(line);
    this.#tail.push(line);
    if (!line.first) return;
    const text = line.text.slice(0, LONGEST);
    if (this.#read < MOST_READ) this.#understand(stream, text);
    else if (!SILENT.test(text)) {
      this.#end.push([stream, text]);
      if (this.#end.length > 2 * MOST_OF_END) this.#end = this.#end.slice(-MOST_OF_END);
    }
  }

  #understand(stream: StreamName, text: string): void {
    // Its cost is bounded, whatever is printed and however fast: other steps are read by the same process.
    if (this.#counts.line(text)) this.#read++;
    if (this.#failures[stream].line(text)) this.#read++;
    this.causes.line(text);
  }
}
