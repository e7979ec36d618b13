import { SandboxError } from "../errors.js";
import { nextTurn, performance } from "../timers.js";

const SLICE_MS = 10;
// Bound now: a caller's tests may stop the clock later.
const now = performance.now.bind(performance);

/**
 * Lets a long run of synchronous file calls (several times as fast as one promise a file) give the event
 * loop its turn: call `due()` for every file, and await `rest()` when it says so.
 */
export class Slices {
  readonly #operation: string;
  readonly #signal: AbortSignal | undefined;
  readonly #left: string;
  #end = now() + SLICE_MS;

  /**
   * Throws ABORTED when the signal is already aborted.
   * @param left - How an abort leaves things, for its message.
   */
  constructor(operation: string, signal?: AbortSignal, left = "nothing was changed") {
    this.#operation = operation;
    this.#signal = signal;
    this.#left = left;
    this.throwIfAborted();
  }

  get signal(): AbortSignal | undefined {
    return this.#signal;
  }

  due(): boolean {
    return now() >= this.#end;
  }

  /** Throws ABORTED when the signal was aborted meanwhile. */
  async rest(): Promise<void> {
    await nextTurn();
    this.throwIfAborted();
    this.#end = now() + SLICE_MS;
  }

  throwIfAborted(): void {
    if (!this.#signal?.aborted) return;
    throw new SandboxError("ABORTED", `${this.#operation} was aborted; ${this.#left}.`, {
      operation: this.#operation,
      cause: this.#signal.reason,
    });
  }
}
