import type { Automaton, ScanState } from "./automaton.js";

/** What stands in the place of a secret. */
const MASK = "***";

/** From this many bytes on, a part of a secret beside a cut is masked. Fewer say next to nothing. */
export const SHORTEST_PART = 3;

const MASK_BYTES = Buffer.from(MASK);
const NOTHING = Buffer.alloc(0);

interface Span {
  start: number;
  end: number;
}

/** Redacts one stream: bytes in, redacted bytes out. */
export interface RedactionStream {
  /** What can be shown now. What may be the beginning of a secret is held back. */
  push(bytes: Uint8Array): Uint8Array;
  /** The rest. `cut` says that the stream did not end by itself: the beginning of a secret is then masked. */
  end(cut?: boolean): Uint8Array;
}

/** The stream of a redactor that knows no secrets. */
export const passThrough: RedactionStream = { push: (bytes) => bytes, end: () => NOTHING };

export class MaskingStream implements RedactionStream {
  readonly #automaton: Automaton;
  readonly #state: ScanState = { node: 0, breaks: 0 };
  /** Not shown yet, and the spans of secrets known in it. */
  #held: Uint8Array = NOTHING;
  #spans: Span[];
  /** How much of the beginning of `held` an already shown mask stands for. */
  #masked = 0;

  /** `secretPrefix`: how many bytes at the beginning of the stream are the end of a secret. */
  constructor(automaton: Automaton, secretPrefix = 0) {
    this.#automaton = automaton;
    this.#spans = secretPrefix > 0 ? [{ start: 0, end: secretPrefix }] : [];
  }

  /** Goes on where another ends that knew less. Before the first bytes. */
  takeOver(before: MaskingStream): void {
    this.#held = before.#held;
    this.#masked = before.#masked;
    this.#spans = [...before.#spans];
    this.#automaton.scan(this.#state, this.#held, 0, (start, end) => {
      this.#spans.push({ start, end });
    });
  }

  push(bytes: Uint8Array): Uint8Array {
    const from = this.#held.length;
    const all = from === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    this.#automaton.scan(this.#state, all, from, (start, end) => {
      this.#spans.push({ start, end });
    });
    return this.#show(all, all.length - this.#automaton.heldBack(this.#state, all));
  }

  end(cut = false): Uint8Array {
    const all = this.#held;
    const part = this.#automaton.heldBack(this.#state, all);
    if (cut && part >= SHORTEST_PART) this.#spans.push({ start: all.length - part, end: all.length });
    return this.#show(all, all.length);
  }

  /** Shows `all` up to `upTo`, where no match that is still to come can begin before; holds the rest. */
  #show(all: Uint8Array, upTo: number): Uint8Array {
    const parts: Uint8Array[] = [];
    const later: Span[] = [];
    let at = this.#masked;
    for (const { start, end } of this.#spans.sort((a, b) => a.start - b.start)) {
      if (start >= upTo) {
        later.push({ start: start - upTo, end: end - upTo });
        continue;
      }
      // Overlapping spans are shown as one mask.
      if (start >= at) parts.push(all.subarray(at, start), MASK_BYTES);
      at = Math.max(at, end);
    }
    if (at < upTo) parts.push(all.subarray(at, upTo));
    this.#masked = Math.max(0, at - upTo);
    this.#spans = later;
    // A copy: the chunk it is part of is not ours, and may be much larger.
    this.#held = upTo === all.length ? NOTHING : Buffer.from(all.subarray(upTo));
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  }
}
