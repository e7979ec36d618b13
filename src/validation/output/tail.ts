import type { Line } from "./lines.js";

const mostLines = 100;
const mostCharacters = 16 * 1024;

/** The last lines of an output, for a report. */
export class Tail {
  #text = "";

  push({ text, last }: Line): void {
    this.#text += last ? `${text}\n` : text;
    // Cut far above what is shown, so that this happens seldom.
    if (this.#text.length > 16 * mostCharacters) this.#text = this.#text.slice(-2 * mostCharacters);
  }

  toString(): string {
    const lines = this.#text.replace(/\n$/, "").split("\n").slice(-mostLines);
    return lines.join("\n").slice(-mostCharacters);
  }
}
