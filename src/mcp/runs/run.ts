import { randomBytes } from "node:crypto";
import { SandboxError } from "../../errors.js";
import { clearTimeout, performance, setTimeout } from "../../timers.js";
import { type Failure, failureOf } from "../errors.js";
import { KeptOutput } from "./kept-output.js";

/** What a run found out, beside its output. */
export interface Outcome {
  exitCode?: number;
  durationMs?: number;
  limitsMet?: readonly string[];
  readOnlyChanged?: readonly string[];
  /** Of a validation. */
  validation?: Validation;
  /** It did not come to an end by itself. */
  failure?: Failure;
}

/** What came of a validation, in few words. */
export interface Validation {
  passed: boolean;
  verdict: string;
  warnings: string[];
  steps: ValidationStep[];
}

export interface ValidationStep {
  kind: string;
  name: string;
  verdict: string;
  reason: string;
  exit_code?: number;
  duration_ms: number;
  /** The last lines it printed, of those that did not pass. */
  tail: string;
  artifacts?: { files: number; bytes: number };
}

export type RunKind = "exec" | "validate";
export type RunState = "running" | "exited" | "stopped" | "failed";

/** A command or a validation that outlives the request that started it. */
export class Run {
  readonly id = `run_${randomBytes(16).toString("base64url")}`;
  readonly kind: RunKind;
  /** What runs, for people. */
  readonly what: string;
  readonly sandboxId: string | undefined;
  readonly outputs = new Map<string, KeptOutput>();
  /** Resolves when nothing of it is alive. Never rejects. */
  readonly done: Promise<void>;
  readonly #started = performance.now();
  readonly #stop = new AbortController();
  #state: RunState = "running";
  #outcome: Outcome = {};

  constructor(
    { kind, what, sandboxId }: { kind: RunKind; what: string; sandboxId: string | undefined },
    work: (run: Run, signal: AbortSignal) => Promise<Outcome>,
  ) {
    this.kind = kind;
    this.what = what;
    this.sandboxId = sandboxId;
    // In this turn, so that what is issued after it in its sandbox comes after it.
    this.done = work(this, this.#stop.signal).then(
      (outcome) => this.#end(outcome, "exited"),
      (error: unknown) => this.#end({ failure: failureOf(error), ...timeOf(error) }, "failed"),
    );
  }

  get state(): RunState {
    return this.#state;
  }

  get outcome(): Outcome {
    return this.#outcome;
  }

  get ageMs(): number {
    return Math.round(performance.now() - this.#started);
  }

  output(stream: string, make: () => KeptOutput = () => new KeptOutput()): KeptOutput {
    const kept = this.outputs.get(stream) ?? make();
    this.outputs.set(stream, kept);
    return kept;
  }

  /** The last line that it printed. */
  get newest(): string {
    for (const output of [...this.outputs.values()].reverse()) if (output.newest !== "") return output.newest;
    return "";
  }

  /** Kills what runs. Resolves when it is dead. */
  async stop(why: string): Promise<void> {
    this.#stop.abort(new Error(why));
    await this.done;
  }

  /** Until it ends, at most for a time, or until the signal. */
  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (this.#state !== "running" || milliseconds === 0) return;
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const timer = setTimeout(wake, milliseconds);
    signal.addEventListener("abort", wake);
    if (signal.aborted) wake();
    await Promise.race([this.done, woken]);
    clearTimeout(timer);
    signal.removeEventListener("abort", wake);
  }

  #end(outcome: Outcome, state: RunState): void {
    this.#outcome = outcome;
    this.#state =
      this.#stop.signal.aborted && outcome.failure ? "stopped" : outcome.failure ? "failed" : state;
  }
}

function timeOf(error: unknown): Outcome {
  return error instanceof SandboxError && error.durationMs !== undefined
    ? { durationMs: error.durationMs }
    : {};
}
