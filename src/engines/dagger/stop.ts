import type { ExecRequest } from "../../engine.js";

/** After the container's own deadline, how long its answer may take before the request is cut off. */
const GRACE_MS = 2000;
/** What a command has printed needs this long to be in the engine's log; cut off earlier it would be lost. */
const LOG_MS = 150;
const MAX_TIMER_MS = 2_147_483_647;

/** Why and when the request of a command is cut off: at once by its caller, and as a last resort by its deadline. */
export class Stop {
  readonly #controller = new AbortController();
  readonly #started = performance.now();
  readonly #request: ExecRequest;
  readonly #timer: NodeJS.Timeout | undefined;
  #aborting: NodeJS.Timeout | undefined;
  #why: "abort" | "deadline" | undefined;

  constructor(request: ExecRequest) {
    this.#request = request;
    const { deadlineMs, signal } = request;
    if (deadlineMs !== undefined) {
      this.#timer = setTimeout(() => this.#cut("deadline"), Math.min(deadlineMs + GRACE_MS, MAX_TIMER_MS));
    }
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (signal?.aborted) this.#cut("abort");
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get why(): "abort" | "deadline" | undefined {
    return this.#why;
  }

  /** What is left of the deadline, for the container's own clock; empty for none. */
  secondsLeft(fractions: boolean): string {
    const { deadlineMs } = this.#request;
    if (deadlineMs === undefined) return "";
    const left = Math.max(1, deadlineMs - (performance.now() - this.#started)) / 1000;
    return fractions ? left.toFixed(3) : String(Math.ceil(left));
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#aborting);
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => {
    this.#aborting = setTimeout(() => this.#cut("abort"), LOG_MS);
  };

  #cut(why: "abort" | "deadline"): void {
    this.#why ??= why;
    this.#controller.abort(this.#request.signal?.reason);
  }
}
