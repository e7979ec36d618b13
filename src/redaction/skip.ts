import type { Form } from "./forms.js";

const NEWLINE = 10;
const RETURN = 13;

/**
 * Steps over output that no form can begin in, several bytes at a time, as Wu and Manber do: the last two bytes
 * of a window as long as the shortest form say how far the next place is where a form may begin.
 */
export class Skip {
  readonly #window: number;
  /** Which bytes forms begin with. */
  readonly #begins = new Uint8Array(256);
  readonly #steps = new Uint8Array(256 * 256);

  constructor(forms: readonly Form[]) {
    this.#window = Math.min(255, ...forms.map(({ bytes }) => bytes.length));
    this.#steps.fill(Math.max(1, this.#window - 1));
    for (const form of forms) this.#add(form);
  }

  /** The first place from `at` on that a form may begin at; near the end of the bytes, where it can't tell. */
  from(bytes: Uint8Array, at: number): number {
    const last = this.#window - 2;
    const end = bytes.length - this.#window;
    let place = at;
    while (place <= end) {
      const pair = ((bytes[place + last] as number) << 8) | (bytes[place + last + 1] as number);
      const step = this.#steps[pair] as number;
      if (step > 0) place += step;
      else if (this.#begins[bytes[place] as number] === 1) break;
      else place++;
    }
    return place;
  }

  #add({ bytes, wraps }: Form): void {
    this.#begins[bytes[0] as number] = 1;
    for (let at = 0; at + 2 <= this.#window; at++) {
      const [one, two] = [bytes[at] as number, bytes[at + 1] as number];
      // Line breaks before it may move a pair anywhere in the window.
      this.#lower(one, two, wraps ? 0 : this.#window - 2 - at);
    }
    if (!wraps) return;
    for (const lineBreak of [NEWLINE, RETURN]) {
      for (const byte of [NEWLINE, RETURN, ...bytes.subarray(0, this.#window)]) {
        this.#lower(byte, lineBreak, 0);
        this.#lower(lineBreak, byte, 0);
      }
    }
  }

  #lower(one: number, two: number, step: number): void {
    const pair = (one << 8) | two;
    this.#steps[pair] = Math.min(this.#steps[pair] as number, step);
  }
}
