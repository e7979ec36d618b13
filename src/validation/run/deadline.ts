import { performance } from "../../timers.js";

/** The time that a step has: its import, its commands and its artifacts share it. */
export class Deadline {
  readonly #end: number;

  constructor(readonly timeoutMs: number) {
    this.#end = performance.now() + timeoutMs;
  }

  get isOver(): boolean {
    return performance.now() >= this.#end;
  }

  /** Milliseconds, never under `least`: for a `timeoutMs`. */
  left(least = 1): number {
    return Math.max(least, Math.ceil(this.#end - performance.now()));
  }
}
