import { clearInterval, setInterval } from "../../../timers.js";

/** How often an engine that owes an answer is looked at, and how many looks in a row may stay without one. */
const EVERY_MS = 15_000;
const LOOKS = 3;

/**
 * Notices an engine that hangs, or that a network no longer leads to: nothing else does where work has neither a
 * deadline nor a signal. What is looked at costs an engine next to nothing, so that one with much to do answers.
 */
export class Watchdog {
  readonly #look: () => Promise<boolean>;
  readonly #bark: () => void;
  #watched = 0;
  #silent = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `look` gives false for an engine that is gone, and rejects where it can't be told. */
  constructor(look: () => Promise<boolean>, bark: () => void) {
    this.#look = look;
    this.#bark = bark;
  }

  async watch<T>(work: Promise<T>): Promise<T> {
    this.#watched++;
    this.#timer ??= setInterval(() => this.#tick(), EVERY_MS).unref();
    try {
      return await work;
    } finally {
      this.#watched--;
      if (this.#watched === 0) this.#rest();
    }
  }

  #tick(): void {
    if (this.#silent === LOOKS) {
      this.#bark();
      return;
    }
    this.#silent++;
    this.#look().then(
      (isThere) => {
        this.#silent = 0;
        if (!isThere && this.#watched > 0) this.#bark();
      },
      () => {
        this.#silent = 0;
      },
    );
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#silent = 0;
  }
}
