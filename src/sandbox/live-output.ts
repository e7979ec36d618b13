import type { StreamName } from "../engine.js";
import type { Redactor } from "../redaction/redactor.js";
import type { RedactionStream } from "../redaction/stream.js";
import { nextTurn } from "../timers.js";
import { callBack } from "./callbacks.js";

/** What gets a command's output as it arrives: text, or bytes where those were asked for. */
export type OutputCallback = (chunk: never) => unknown;

export type OutputCallbacks = Readonly<Partial<Record<StreamName, OutputCallback>>>;

/** Redacts, decodes and hands on output as it arrives. `failed` gets what a callback threw, or rejected with. */
export class LiveOutput {
  readonly #streams: Partial<Record<StreamName, LiveStream>>;
  readonly #failed: (error: unknown) => void;
  #stopped = false;
  #mayReject = false;

  constructor(
    callbacks: OutputCallbacks,
    encoding: "utf8" | "bytes",
    redactor: Redactor,
    failed: (error: unknown) => void,
  ) {
    const open = (callback: OutputCallback | undefined) =>
      callback && new LiveStream(encoding, redactor.stream(), (chunk) => this.#call(callback, chunk));
    const [stdout, stderr] = [open(callbacks.stdout), open(callbacks.stderr)];
    this.#streams = { ...(stdout && { stdout }), ...(stderr && { stderr }) };
    this.#failed = failed;
  }

  push(stream: StreamName, bytes: Uint8Array): void {
    if (!this.#stopped) this.#streams[stream]?.push(bytes);
  }

  /** From here on, also what was held back, by a redactor that knows more. */
  learn(redactor: Redactor): void {
    for (const stream of Object.values(this.#streams)) stream.learn(redactor);
  }

  /**
   * Hands on what was held back. `cut`: the command was stopped, maybe in the middle of a secret. A promise that a
   * callback gave is not awaited, but one that has been rejected by now is heard.
   */
  async end(cut: boolean): Promise<void> {
    for (const stream of Object.values(this.#streams)) if (!this.#stopped) stream.end(cut);
    this.#stopped = true;
    if (this.#mayReject) await nextTurn();
  }

  #call(callback: OutputCallback, chunk: string | Uint8Array): void {
    const gavePromise = callBack(callback as (chunk: string | Uint8Array) => unknown, chunk, (error) => {
      this.#stopped = true;
      this.#failed(error);
    });
    this.#mayReject ||= gavePromise;
  }
}

class LiveStream {
  #redaction: RedactionStream;
  readonly #give: (chunk: string | Uint8Array) => void;
  /** Keeps a character that is split over chunks whole. A byte order mark is content. */
  readonly #decoder: InstanceType<typeof TextDecoder> | undefined;

  constructor(
    encoding: "utf8" | "bytes",
    redaction: RedactionStream,
    give: (chunk: string | Uint8Array) => void,
  ) {
    this.#redaction = redaction;
    this.#give = give;
    this.#decoder = encoding === "utf8" ? new TextDecoder("utf-8", { ignoreBOM: true }) : undefined;
  }

  learn(redactor: Redactor): void {
    this.#redaction = redactor.stream(this.#redaction);
  }

  push(bytes: Uint8Array): void {
    this.#show(this.#redaction.push(bytes), false);
  }

  end(cut: boolean): void {
    this.#show(this.#redaction.end(cut), true);
  }

  #show(bytes: Uint8Array, last: boolean): void {
    const chunk = this.#decoder ? this.#decoder.decode(bytes, { stream: !last }) : plainBytes(bytes);
    if (chunk.length > 0) this.#give(chunk);
  }
}

/** A Uint8Array that is no Buffer and has its memory to itself: `.buffer` shows what callers expect. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  const whole = bytes.byteLength === bytes.buffer.byteLength;
  return whole ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
}
