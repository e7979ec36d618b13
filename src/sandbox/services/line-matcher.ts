import { type Context, createContext, Script } from "node:vm";
import { SandboxError } from "../../errors.js";
import { performance } from "../../timers.js";

/** Of a line. */
const LONGEST_LINE = 4096;
/** What is printed is hostile, and a pattern can take for ever on the right text: milliseconds for a piece, and for all. */
const PIECE_MS = 50;
const ALL_MS = 2000;

/** Whether a pattern matches one of the lines of a text that comes in pieces, in bounded time. */
export class LineMatcher {
  readonly #script = new Script("lines.some((line) => pattern.test(line))");
  readonly #context: Context;
  #line = "";
  #spent = 0;

  constructor(
    private readonly pattern: RegExp,
    private readonly operation: string,
  ) {
    this.#context = createContext({ pattern });
  }

  /** @throws SandboxError LIMIT. */
  push(text: string): boolean {
    const lines = (this.#line + text).split("\n").map((line) => line.slice(0, LONGEST_LINE));
    this.#line = lines.at(-1) ?? ""; // looked at already, and once more with what follows: a prompt has no end of line
    const started = performance.now();
    const found = this.#find(lines);
    this.#spent += performance.now() - started;
    if (found) return true;
    if (found === undefined || this.#spent > ALL_MS) throw tooLong(this.pattern, this.operation);
    return false;
  }

  /** Undefined where it took too long. */
  #find(lines: readonly string[]): boolean | undefined {
    this.#context.lines = lines;
    try {
      return this.#script.runInContext(this.#context, { timeout: PIECE_MS });
    } catch {
      return undefined;
    }
  }
}

function tooLong(pattern: RegExp, operation: string): SandboxError {
  const bounds = `${PIECE_MS} ms for a piece of it, or ${ALL_MS} ms for all`;
  const message = `${operation}: matching ready.log, ${pattern}, against the service's output took more than ${bounds}. Give a simpler pattern, or wait for a port.`;
  return new SandboxError("LIMIT", message, { operation });
}
