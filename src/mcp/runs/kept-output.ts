/** A part of an output. `from` is where it begins: later than asked for where that is no longer kept. */
export interface Slice {
  text: string;
  from: number;
}

/**
 * What a stream printed, for later reading: its beginning and its end, each up to a number of characters. Places in
 * it are counted in characters from its first one, whatever is still kept.
 */
export class KeptOutput {
  readonly #mostHead: number;
  readonly #mostTail: number;
  #head = "";
  #tail = "";
  #length = 0;

  constructor(mostHead = 128 * 1024, mostTail = 384 * 1024) {
    this.#mostHead = mostHead;
    this.#mostTail = mostTail;
  }

  /** Characters that were printed in all. */
  get length(): number {
    return this.#length;
  }

  /** How many characters between beginning and end are lost. */
  get lost(): number {
    return this.#length - this.#head.length - this.#tail.length;
  }

  push(text: string): void {
    this.#length += text.length;
    const room = this.#mostHead - this.#head.length;
    if (room > 0) this.#head += text.slice(0, room);
    if (text.length <= room) return;
    this.#tail += text.slice(Math.max(0, room));
    // Cut seldom: each cut copies what is kept.
    if (this.#tail.length > 2 * this.#mostTail) this.#tail = this.#tail.slice(-this.#mostTail);
  }

  /** What is kept from a place up to another. */
  slice(from: number, to: number): Slice {
    const start = Math.max(0, from);
    const tailStart = this.#length - this.#tail.length;
    if (start < this.#head.length) {
      const text = this.#head.slice(start, to);
      const more =
        this.lost === 0 && to > this.#head.length ? this.#tail.slice(0, to - this.#head.length) : "";
      return { text: text + more, from: start };
    }
    const at = Math.max(start, tailStart);
    return { text: this.#tail.slice(at - tailStart, Math.max(0, to - tailStart)), from: at };
  }

  /** The last line that has something in it. */
  get newest(): string {
    const recent = (this.#tail || this.#head).slice(-2000);
    return (
      recent
        .trimEnd()
        .split(/[\r\n]/)
        .at(-1) ?? ""
    );
  }
}
