import { SandboxError } from "../errors.js";
import { nextTurn, performance } from "../timers.js";

const SLICE_MS = 10;

/**
 * Lets a long run of synchronous file calls (several times as fast as one promise a file) give the event
 * loop its turn: call `due()` for every file, and await `rest()` when it says so.
 */
export class Slices {
  readonly #operation: string;
  readonly #signal: AbortSignal | undefined;
  #end = performance.now() + SLICE_MS;

  /** Throws ABORTED when the signal is already aborted. */
  constructor(operation: string, signal?: AbortSignal) {
    this.#operation = operation;
    this.#signal = signal;
    this.#throwIfAborted();
  }

  due(): boolean {
    return performance.now() >= this.#end;
  }

  /** Throws ABORTED when the signal was aborted meanwhile. */
  async rest(): Promise<void> {
    await nextTurn();
    this.#throwIfAborted();
    this.#end = performance.now() + SLICE_MS;
  }

  #throwIfAborted(): void {
    if (!this.#signal?.aborted) return;
    throw new SandboxError("ABORTED", `${this.#operation} was aborted; nothing was changed.`, {
      operation: this.#operation,
      cause: this.#signal.reason,
    });
  }
}
