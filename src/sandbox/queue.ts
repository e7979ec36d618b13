import { SandboxError, type SandboxErrorDetails } from "../errors.js";

/** The reason of an operation's signal when its sandbox was closed. */
export const CLOSING = Symbol("the sandbox is being closed");

interface Waiting {
  start: () => void;
  /** Ends it before it ran. */
  close: () => void;
}

interface Running {
  controller: AbortController;
  ended: Promise<unknown>;
}

/**
 * Runs the operations of one sandbox one at a time, in the order they were issued. One that fails leaves the
 * queue running; one that is aborted while it waits never runs.
 */
export class Queue {
  /** In order. A set, so that what is aborted leaves it at once. */
  readonly #waiting = new Set<Waiting>();
  #running: Running | undefined;
  #closed = false;

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Starts `task` at once when nothing is before it. The signal it gets is aborted by `signal` and by
   * {@link close}; it settles when nothing of it is alive.
   */
  run<T>(
    operation: string,
    signal: AbortSignal | undefined,
    task: (stop: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) return Promise.reject(stopError(operation, CLOSING));
    if (signal?.aborted) return Promise.reject(stopError(operation, signal.reason));
    if (!this.#running) return this.#start(signal, task);
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(waiting);
        signal?.removeEventListener("abort", abort);
      };
      const refuse = (reason: unknown) => {
        leave();
        reject(stopError(operation, reason));
      };
      const waiting: Waiting = {
        start: () => {
          leave();
          this.#start(signal, task).then(resolve, reject);
        },
        close: () => refuse(CLOSING),
      };
      const abort = () => refuse(signal?.reason);
      this.#waiting.add(waiting);
      signal?.addEventListener("abort", abort);
    });
  }

  /** Stops what runs and what waits; resolves when nothing of it is alive. */
  async close(): Promise<void> {
    this.#closed = true;
    const running = this.#running;
    running?.controller.abort(CLOSING);
    for (const waiting of this.#waiting) waiting.close();
    await running?.ended.catch(() => undefined);
  }

  async #start<T>(signal: AbortSignal | undefined, task: (stop: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const abort = () => controller.abort(signal?.reason);
    signal?.addEventListener("abort", abort);
    const ended = task(controller.signal);
    this.#running = { controller, ended };
    try {
      return await ended;
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#running = undefined;
      const [next] = this.#waiting;
      next?.start();
    }
  }
}

/** What a stopped command had printed, and for how long it ran. */
type Output = Pick<SandboxErrorDetails, "stdout" | "stderr" | "durationMs">;

/** What an operation rejects with that was stopped for `reason`, the reason of its signal. */
export function stopError(operation: string, reason: unknown, output: Output = {}): SandboxError {
  const { stdout, stderr, durationMs } = output;
  const details = { operation, stdout, stderr, durationMs };
  if (reason === CLOSING) {
    const message = `${operation}: the sandbox is closed. Create a new one, or fork this one before closing it.`;
    return new SandboxError("CLOSED", message, details);
  }
  const message = `${operation} was aborted by its signal. The sandbox is as it was before.`;
  return new SandboxError("ABORTED", message, { ...details, cause: reason });
}
