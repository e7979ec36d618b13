/** A longer line is handed on in pieces: it may never end. */
const LONGEST = 64 * 1024;

/** One line of an output, or a piece of a long one. */
export interface Line {
  text: string;
  /** Not the rest of a line that came before. */
  first: boolean;
  /** Nothing of it follows. */
  last: boolean;
}

// Line ends are gone by then. Bidirectional marks make a line read as something that it is not.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const ALL_CONTROL = new RegExp(CONTROL, "g");
// CSI, strings up to their end or the line's, and the short ones. Its parts can't overlap: it takes linear time, which
// that of util.stripVTControlCharacters does not on what is made for it.
const SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it is about
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u009c|\u001b\\)?|\u001b[ -/]*[0-~]?/g;

/** One stream of an output as plain lines: in linear time, and with no more than one line's length in memory. */
export class Lines {
  readonly #take: (line: Line) => void;
  #pending = "";
  #first = true;

  constructor(take: (line: Line) => void) {
    this.#take = take;
  }

  push(text: string): void {
    let start = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      this.#add(text.slice(start, end));
      this.#give(this.#pending, true);
      this.#pending = "";
      start = end + 1;
    }
    this.#add(text.slice(start));
  }

  /** What was printed without a line's end. */
  flush(): void {
    if (this.#pending === "" && this.#first) return;
    this.#give(this.#pending, true);
    this.#pending = "";
  }

  #add(text: string): void {
    this.#pending += text;
    while (this.#pending.length > LONGEST) {
      // Never between the halves of one character.
      const end = /[\ud800-\udbff]/.test(this.#pending.charAt(LONGEST - 1)) ? LONGEST - 1 : LONGEST;
      this.#give(this.#pending.slice(0, end), false);
      this.#pending = this.#pending.slice(end);
    }
  }

  #give(text: string, last: boolean): void {
    this.#take({ text: plainLine(text), first: this.#first, last });
    this.#first = last;
  }
}

/** Without colours and other control sequences. Progress bars draw over themselves: what was drawn last counts. */
export function plainLine(text: string): string {
  if (!CONTROL.test(text)) return text;
  const plain = text.replace(SEQUENCE, "");
  const drawn = plain.split("\r").findLast((part) => part !== "") ?? "";
  return drawn.replace(ALL_CONTROL, "");
}
