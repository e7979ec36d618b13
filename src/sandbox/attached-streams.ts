import type { OnBytes } from "../engine.js";
import type { Redactor } from "../redaction/redactor.js";
import { LiveOutput, type OutputCallbacks } from "./live-output.js";
import { type StdinSource, stdinBytes } from "./stdin.js";

interface Attached {
  readonly stdin: StdinSource | undefined;
  readonly callbacks: OutputCallbacks;
  readonly encoding: "utf8" | "bytes";
  readonly pace?: () => Promise<void> | undefined;
}

/** Why a command was stopped by what its caller attached to it. */
export interface AttachedFailure {
  readonly what: "an output callback" | "reading stdin";
  readonly error: unknown;
}

/** The caller's code around a running command: where its stdin comes from and its output goes. */
export class AttachedStreams {
  readonly stdin: AsyncIterable<Uint8Array> | undefined;
  readonly onBytes: OnBytes | undefined;
  /** Aborted by the operation's signal, and when the caller's code throws. */
  readonly signal: AbortSignal;
  readonly canFail: boolean;
  readonly #live: LiveOutput | undefined;
  #failure: AttachedFailure | undefined;

  constructor({ stdin, callbacks, encoding, pace }: Attached, redactor: Redactor, signal: AbortSignal) {
    const stop = new AbortController();
    const fail = (what: AttachedFailure["what"]) => (error: unknown) => {
      this.#failure ??= { what, error };
      stop.abort(error);
    };
    if (callbacks.stdout ?? callbacks.stderr) {
      const live = new LiveOutput(callbacks, encoding, redactor, fail("an output callback"));
      this.#live = live;
      this.onBytes = (stream, bytes) => {
        live.push(stream, bytes);
        return pace?.();
      };
    }
    this.stdin = stdin === undefined ? undefined : stdinBytes(stdin, fail("reading stdin"));
    this.canFail = this.#live !== undefined || this.stdin !== undefined;
    this.signal = this.canFail ? AbortSignal.any([signal, stop.signal]) : signal;
  }

  get failure(): AttachedFailure | undefined {
    return this.#failure;
  }

  /** No callback is called after this. `cut`: the output did not end by itself. */
  async end(cut: boolean): Promise<void> {
    await this.#live?.end(cut);
  }
}
