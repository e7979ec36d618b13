import type { RawOutput } from "../engine.js";
import { Automaton } from "./automaton.js";
import { type Form, formsOf } from "./forms.js";
import { MaskingStream, passThrough, type RedactionStream, SHORTEST_PART } from "./stream.js";

/**
 * Replaces secrets by `***` in everything forkbox returns or prints. Immutable: {@link Redactor.with} gives
 * one that knows more values.
 */
export class Redactor {
  static readonly none = new Redactor(new Set());

  readonly values: ReadonlySet<string>;
  /** What `with` gave last: forks and commands ask for the same again, and building one takes time. */
  #derived: Redactor | undefined;
  #built: { forms: readonly Form[]; automaton: Automaton } | undefined;

  private constructor(values: ReadonlySet<string>) {
    this.values = values;
  }

  static of(values: Iterable<string>): Redactor {
    return Redactor.none.with(values);
  }

  /** This redactor when it knows all the values already. */
  with(values: Iterable<string>): Redactor {
    const added = [...new Set(values)].filter((value) => !this.values.has(value));
    if (added.length === 0) return this;
    const last = this.#derived;
    if (
      last?.values.size === this.values.size + added.length &&
      added.every((value) => last.values.has(value))
    ) {
      return last;
    }
    this.#derived = new Redactor(new Set([...this.values, ...added]));
    return this.#derived;
  }

  /** For output as it arrives. `before`: what was on it until now, of a redactor that knew less; what that holds back goes over. */
  stream(before?: RedactionStream): RedactionStream {
    if (this.values.size === 0) return passThrough;
    const stream = new MaskingStream(this.#build().automaton);
    if (before instanceof MaskingStream) stream.takeOver(before);
    return stream;
  }

  /** For errors, reports and logs. Redact before escaping: XML and HTML entities are no form that is known. */
  redactText(text: string): string {
    if (this.values.size === 0) return text;
    const bytes = Buffer.from(text);
    const redacted = this.#whole(bytes, 0, false);
    return bytes.equals(redacted) ? text : redacted.toString();
  }

  /**
   * What is shown of an output stream: its head, a line that says how much is missing, and its tail. Parts of
   * a secret on both sides of the cut are masked. `stopped`: the end is a cut, too.
   */
  redactOutput(raw: RawOutput, stopped = false): Uint8Array {
    if (raw.droppedBytes === 0) return this.#whole(raw.head, 0, stopped);
    return Buffer.concat([
      this.#whole(raw.head, 0, true),
      // ASCII: one other character would make a text of it take twice the memory.
      Buffer.from(`\n... ${raw.droppedBytes} bytes dropped ...\n`),
      this.#whole(raw.tail, this.#secretPrefix(raw.tail), stopped),
    ]);
  }

  #whole(bytes: Uint8Array, secretPrefix: number, cut: boolean): Buffer {
    if (this.values.size === 0) return asBuffer(bytes);
    const stream = new MaskingStream(this.#build().automaton, secretPrefix);
    const shown = stream.push(bytes);
    const rest = stream.end(cut);
    return rest.length === 0 ? asBuffer(shown) : Buffer.concat([shown, rest]);
  }

  /** How many bytes at the beginning of a tail are the end, or the middle, of a secret. */
  #secretPrefix(tail: Uint8Array): number {
    const { forms } = this.#build();
    return Math.max(0, ...forms.map((form) => cutPrefix(form, tail)));
  }

  #build() {
    if (!this.#built) {
      const forms = [...this.values].flatMap(formsOf);
      this.#built = { forms, automaton: new Automaton(forms) };
    }
    return this.#built;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function cutPrefix(form: Form, tail: Uint8Array): number {
  // Enough of the tail for the whole form with a line break after each byte.
  const start = Buffer.from(tail.subarray(0, 3 * form.bytes.length));
  const compared = form.wraps ? start.filter((byte) => byte !== 10 && byte !== 13) : start;
  if (compared.length < SHORTEST_PART) return 0;
  const needle = compared.subarray(0, SHORTEST_PART);
  for (let at = form.bytes.indexOf(needle); at !== -1; at = form.bytes.indexOf(needle, at + 1)) {
    const part = form.bytes.subarray(at, at + compared.length);
    if (part.equals(compared.subarray(0, part.length))) {
      return form.wraps ? rawLength(start, part.length) : part.length;
    }
  }
  return 0;
}

/** How many raw bytes the first `length` bytes take when line breaks don't count. */
function rawLength(bytes: Uint8Array, length: number): number {
  let at = 0;
  for (let left = length; left > 0; at++) {
    if (bytes[at] !== 10 && bytes[at] !== 13) left--;
  }
  return at;
}
