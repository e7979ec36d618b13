import { stripVTControlCharacters } from "node:util";

const mostLines = 100;
const mostCharacters = 16 * 1024;

/** The last lines of an output, fit for a report: without colours and other control characters. */
export class Tail {
  #text = "";

  push(text: string): void {
    this.#text += text;
    // Cut far above what is shown, so that this happens seldom.
    if (this.#text.length > 8 * mostCharacters) this.#text = this.#text.slice(-2 * mostCharacters);
  }

  get isEmpty(): boolean {
    return this.#text === "";
  }

  toString(): string {
    const lines = stripVTControlCharacters(this.#text)
      .replace(/\n$/, "")
      .split("\n")
      .map((line) => lastDrawn(line))
      .slice(-mostLines);
    return lines.join("\n").slice(-mostCharacters);
  }
}

/** Progress bars draw over themselves: what was drawn last counts. */
function lastDrawn(line: string): string {
  const drawn = line.split("\r").filter((part) => part !== "");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return (drawn.at(-1) ?? "").replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, "");
}
