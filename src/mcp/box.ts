import { randomBytes } from "node:crypto";
import type { Sandbox } from "../sandbox/sandbox.js";
import { performance } from "../timers.js";
import { ToolError } from "./errors.js";
import type { Run } from "./runs/run.js";

/** Milliseconds that a short call waits for a run before it. Clients give up after a minute. */
const PATIENCE_MS = 45_000;

/** A sandbox behind the handle that its client has of it. */
export class Box {
  readonly id = `sandbox_${randomBytes(16).toString("base64url")}`;
  readonly sandbox: Sandbox;
  readonly forkedFrom: string | undefined;
  readonly createdAt = new Date().toISOString();
  /** Runs that have not ended, in the order in which they run. */
  readonly running = new Set<Run>();
  /** What the paths were that no command may change, when the operator's side last brought them. */
  untouched: Promise<ReadonlyMap<string, string>> | undefined;
  #used = performance.now();

  constructor(sandbox: Sandbox, forkedFrom?: string) {
    this.sandbox = sandbox;
    this.forkedFrom = forkedFrom;
  }

  /** Milliseconds since somebody used it; 0 while something runs. */
  get idleMs(): number {
    return this.running.size > 0 ? 0 : performance.now() - this.#used;
  }

  touch(): void {
    this.#used = performance.now();
  }

  /** For what is over in a moment, once nothing runs: operations of a sandbox wait for those before them. */
  async free(signal: AbortSignal): Promise<void> {
    for (const run of this.running) await run.wait(PATIENCE_MS, signal);
    const [run] = this.running;
    if (run === undefined || signal.aborted) return;
    throw new ToolError(
      "BUSY",
      `${run.id} still runs in ${this.id}, and what is called after it waits for its end.`,
      `Wait for it with get_run, end it with stop_run, or work in another sandbox.`,
    );
  }
}
