import { SandboxError } from "../../errors.js";

/** About 10 ms: a name may not stop the event loop for longer. */
const MOST_STEPS_A_NAME = 1_000_000;
/** Every name may take this much; all together may take more by about a second. */
const STEPS_A_NAME = 20_000;
const STEPS_FOR_ALL = 50_000_000;

/** Counts the work of matching rules that nobody has reviewed, so that it ends. */
export class MatchWork {
  readonly #operation: string;
  readonly #what: string;
  #ofName = 0;
  #left = STEPS_FOR_ALL;

  /** @param what - Whose work it is: begins the message of the error. */
  constructor(operation: string, what: string) {
    this.#operation = operation;
    this.#what = what;
  }

  /** Another name is going to be matched. */
  next(): void {
    this.#left += STEPS_A_NAME;
    this.#ofName = 0;
  }

  /** @throws SandboxError LIMIT when it is too much. */
  spend(steps: number): void {
    this.#left -= steps;
    this.#ofName += steps;
    if (this.#ofName <= MOST_STEPS_A_NAME && this.#left >= 0) return;
    const message = `${this.#operation}: ${this.#what} can't be matched in reasonable time: too many with a wildcard have to be tried on every name. Use fewer, or begin or end them with plain text.`;
    throw new SandboxError("LIMIT", message, { operation: this.#operation });
  }
}
