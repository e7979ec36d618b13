import type { RawOutput } from "../engine.js";

const FIRST_CAPACITY = 8 * 1024;

/**
 * Keeps the beginning and the end of an output stream, half of the limit each, and counts what it dropped
 * between them. Memory never passes the limit, however much is pushed.
 */
export class CappedOutput {
  readonly #limit: number;
  readonly #headLimit: number;
  /** The head, then the tail as a ring: one buffer, grown by doubling so that small outputs stay small. */
  #buffer = Buffer.alloc(0);
  #total = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
    this.#headLimit = Math.ceil(limitBytes / 2);
  }

  push(bytes: Uint8Array): void {
    const room = Math.max(0, this.#limit - this.#total);
    if (room > 0) this.#append(bytes.subarray(0, room));
    if (bytes.length > room) this.#wrap(bytes.subarray(room));
  }

  /** What was kept so far. The bytes are this object's own: read them before the next push. */
  result(): RawOutput {
    if (this.#total <= this.#limit) {
      return { head: this.#buffer.subarray(0, this.#total), tail: Buffer.alloc(0), droppedBytes: 0 };
    }
    const next = this.#ringPosition();
    return {
      head: this.#buffer.subarray(0, this.#headLimit),
      tail: Buffer.concat([
        this.#buffer.subarray(next, this.#limit),
        this.#buffer.subarray(this.#headLimit, next),
      ]),
      droppedBytes: this.#total - this.#limit,
    };
  }

  #append(bytes: Uint8Array): void {
    this.#grow(this.#total + bytes.length);
    this.#buffer.set(bytes, this.#total);
    this.#total += bytes.length;
  }

  /** Past the limit: only the last bytes count. */
  #wrap(bytes: Uint8Array): void {
    const tailLimit = this.#limit - this.#headLimit;
    const kept = bytes.subarray(Math.max(0, bytes.length - tailLimit));
    this.#total += bytes.length - kept.length;
    const position = this.#ringPosition();
    const first = kept.subarray(0, this.#limit - position);
    this.#buffer.set(first, position);
    this.#buffer.set(kept.subarray(first.length), this.#headLimit);
    this.#total += kept.length;
  }

  /** Where the next byte of the tail goes. */
  #ringPosition(): number {
    const tailLimit = this.#limit - this.#headLimit;
    return tailLimit === 0 ? this.#limit : this.#headLimit + ((this.#total - this.#headLimit) % tailLimit);
  }

  #grow(needed: number): void {
    if (needed <= this.#buffer.length) return;
    const capacity = Math.min(this.#limit, Math.max(FIRST_CAPACITY, needed, this.#buffer.length * 2));
    const grown = Buffer.allocUnsafe(capacity);
    this.#buffer.copy(grown, 0, 0, this.#total);
    this.#buffer = grown;
  }
}
