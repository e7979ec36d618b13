import type { RawOutput, StreamName } from "../../../engine.js";

type OnBytes = ((stream: StreamName, bytes: Uint8Array) => void) | undefined;

/** How much of what was shown last must be found again to go on after it. */
const ANCHOR_BYTES = 512;

/** What was shown of one stream. */
interface Shown {
  chunks: Buffer[];
  bytes: number;
  /** Of what came after as much as is shown at most. */
  dropped: number;
}

/**
 * A command's output as the engine's log shows it while it runs: text, with secrets replaced, and sometimes
 * with lines missing. When the command has ended, {@link finish} hands on what the log did not show.
 */
export class LiveText {
  readonly #shown: Record<StreamName, Shown> = {
    stdout: { chunks: [], bytes: 0, dropped: 0 },
    stderr: { chunks: [], bytes: 0, dropped: 0 },
  };
  readonly #secrets: readonly string[];
  readonly #mostBytes: number;
  readonly #onBytes: OnBytes;
  #finished = false;

  /** `mostBytes` of each stream are shown: the container cuts its log there too, but root in it can go round that. */
  constructor(secrets: readonly string[], mostBytes: number, onBytes: OnBytes) {
    this.#secrets = secrets;
    this.#mostBytes = mostBytes;
    this.#onBytes = onBytes;
  }

  push(stream: StreamName, text: string): void {
    if (this.#finished) return;
    const shown = this.#shown[stream];
    const all = Buffer.from(text);
    const bytes = all.subarray(0, this.#mostBytes - shown.bytes);
    shown.dropped += all.length - bytes.length;
    if (bytes.length === 0) return;
    shown.bytes += bytes.length;
    shown.chunks.push(bytes);
    this.#onBytes?.(stream, bytes);
  }

  /** All that was shown: what is known of the output of a command that was cut off. */
  printed(): { stdout: RawOutput; stderr: RawOutput } {
    this.#finished = true;
    const all = (stream: StreamName): RawOutput => ({
      head: Buffer.concat(this.#shown[stream].chunks),
      tail: Buffer.alloc(0),
      droppedBytes: this.#shown[stream].dropped,
    });
    return { stdout: all("stdout"), stderr: all("stderr") };
  }

  finish(output: { stdout: RawOutput; stderr: RawOutput }): void {
    this.#finished = true;
    if (!this.#onBytes) return;
    for (const stream of ["stdout", "stderr"] as const) {
      const { head, tail, droppedBytes } = output[stream];
      const whole = droppedBytes === 0 ? Buffer.concat([head, tail]) : Buffer.from(head);
      const rest = this.#rest(Buffer.concat(this.#shown[stream].chunks), whole);
      if (rest.length > 0) this.#onBytes(stream, rest);
      if (droppedBytes > 0 && tail.length > 0) this.#onBytes(stream, tail);
    }
  }

  #rest(shown: Buffer, whole: Buffer): Buffer {
    for (const candidate of [whole, this.#scrub(whole)]) {
      if (candidate.subarray(0, shown.length).equals(shown)) return candidate.subarray(shown.length);
      // More was shown than was kept.
      if (shown.subarray(0, candidate.length).equals(candidate)) return Buffer.alloc(0);
    }
    const anchor = shown.subarray(-ANCHOR_BYTES);
    const at = whole.lastIndexOf(anchor);
    return at === -1 ? Buffer.alloc(0) : whole.subarray(at + anchor.length);
  }

  /** As the engine's log has it. */
  #scrub(bytes: Buffer): Buffer {
    let text = bytes.toString("latin1");
    for (const secret of this.#secrets) text = text.replaceAll(Buffer.from(secret).toString("latin1"), "***");
    return Buffer.from(text, "latin1");
  }
}
