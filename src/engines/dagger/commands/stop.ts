import type { ExecRequest } from "../../../engine.js";
import { clearTimeout, performance, setTimeout, sleep } from "../../../timers.js";

/** After the container's own deadline, how long its answer may take before the request is cut off. */
const GRACE_MS = 2000;
/** When an answer is that late, whether the engine answers at all is asked, and given this long. */
const LATE_MS = 250;
const SILENT_MS = 1000;
/** What a command has printed needs this long to be in the engine's log; cut off earlier it would be lost. */
export const LOG_MS = 150;
const MAX_TIMER_MS = 2_147_483_647;

/** Why and when the request of a command is cut off: at once by its caller, and as a last resort by its deadline. */
export class Stop {
  readonly #controller = new AbortController();
  readonly #started = performance.now();
  readonly #request: ExecRequest;
  readonly #answers: (withinMs: number) => Promise<boolean>;
  readonly #timers: NodeJS.Timeout[] = [];
  #silent = false;
  #why: "abort" | "deadline" | undefined;

  /** `answers` says whether the engine answers anything within so many milliseconds. */
  constructor(request: ExecRequest, answers: (withinMs: number) => Promise<boolean>) {
    this.#request = request;
    this.#answers = answers;
    const { deadlineMs, signal } = request;
    if (deadlineMs !== undefined) {
      this.#after(deadlineMs + LATE_MS, () => this.#cutIfSilent());
      this.#after(deadlineMs + GRACE_MS, () => this.#cut("deadline"));
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

  /** Resolves when the engine turns out not to answer: there is nothing to wait for then. */
  async silence(): Promise<void> {
    // One that did not answer just now may be slow, and kill all the same.
    if (this.#silent) await sleep(SILENT_MS);
    else if (await this.#answers(SILENT_MS)) return new Promise(() => undefined);
  }

  /** Cuts the request off for a reason of the caller's own. */
  giveUp(): void {
    this.#controller.abort();
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => this.#after(LOG_MS, () => this.#cut("abort"));

  async #cutIfSilent(): Promise<void> {
    this.#silent = !(await this.#answers(SILENT_MS));
    if (this.#silent) this.#cut("deadline");
  }

  #after(ms: number, act: () => void): void {
    this.#timers.push(setTimeout(act, Math.min(ms, MAX_TIMER_MS)));
  }

  #cut(why: "abort" | "deadline"): void {
    this.#why ??= why;
    this.#controller.abort(this.#request.signal?.reason);
  }
}
