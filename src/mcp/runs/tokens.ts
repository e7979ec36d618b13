import type { KeptOutput } from "./kept-output.js";
import { shown } from "./shown.js";

/** Whatever the text is. Also what a client that counts four characters to a token comes to. */
const CHARACTERS_PER_TOKEN = 4;
const LONG_WORD = 24;

/** A part of a text, and whether it is all of it. */
export interface Part {
  text: string;
  whole: boolean;
}

/** The longest beginning that costs a model about this many tokens. */
export function beginning(text: string, tokens: number): string {
  return text.slice(0, affordable(text, tokens, false));
}

/** The longest end that costs a model about this many tokens. */
export function end(text: string, tokens: number): string {
  return text.slice(text.length - affordable(text, tokens, true));
}

/** The beginning and the end of an output, with a line between them that says how much is missing. */
export function excerpt(output: KeptOutput, tokens: number): Part {
  const most = tokens * CHARACTERS_PER_TOKEN;
  if (output.length <= most) {
    const text = shown(output.slice(0, output.length).text);
    if (beginning(text, tokens).length === text.length) return { text, whole: true };
  }
  // The end is where most programs say what is wrong.
  const head = beginning(shown(output.slice(0, most).text), tokens / 3);
  const tail = end(shown(output.slice(output.length - most, output.length).text), (2 * tokens) / 3);
  const missing = Math.max(0, output.length - head.length - tail.length);
  return { text: `${head}\n... about ${missing} characters left out ...\n${tail}`, whole: false };
}

/** How many characters of one side of a text these tokens are enough for. */
function affordable(text: string, tokens: number, fromEnd: boolean): number {
  const most = Math.min(text.length, Math.floor(tokens * CHARACTERS_PER_TOKEN));
  let cost = 0;
  let word = 0;
  for (let count = 0; count < most; count++) {
    const code = text.charCodeAt(fromEnd ? text.length - 1 - count : count);
    word = isWord(code) ? word + 1 : 0;
    cost += word > LONG_WORD ? 0.7 : costOf(code);
    if (cost > tokens) return count;
  }
  return most;
}

/** An estimate on the high side, for text that is to be a JSON string: no tokenizer is the one of every model. */
function costOf(code: number): number {
  if (code > 0x7e) return 1;
  if (code === 0x20) return 0.15;
  if (code === 0x0a || code === 0x22 || code === 0x5c) return 0.8;
  if (code < 0x20) return 1.5;
  if (code >= 0x30 && code <= 0x39) return 0.45;
  return isWord(code) ? 0.27 : 0.6;
}

function isWord(code: number): boolean {
  const letter = code | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (code >= 0x30 && code <= 0x39);
}
