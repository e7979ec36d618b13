import type { KeptOutput } from "./kept-output.js";
import { shown } from "./shown.js";
import { beginning } from "./tokens.js";

const MOST_ALTERNATIVES = 16;
const LONGEST_LINE = 300;
const TOKENS = 3000;
const PIECE = 64 * 1024;
const ESCAPE = "\u001b";

/** Lines of an output that contain one of some texts. */
export interface Found {
  offset: number;
  next_offset?: number;
  matches: number;
  text: string;
}

/**
 * Looks for plain text, not for a pattern: a pattern that a model wrote, on output that hostile code wrote, could take
 * for ever. Stops where the answer is as long as it may be.
 */
export function search(output: KeptOutput, grep: string, from: number, limit: number): Found {
  const wanted = grep
    .split("|")
    .filter((text) => text !== "")
    .slice(0, MOST_ALTERNATIVES)
    .map((text) => text.toLowerCase());
  const found: string[] = [];
  let left = limit;
  for (const { at, line } of linesOf(output, from)) {
    // Most lines are looked at once: there may be a million.
    if (!line.includes(ESCAPE) && firstOf(line.toLowerCase(), wanted) === -1) continue;
    const text = shown(line);
    const place = firstOf(text.toLowerCase(), wanted);
    if (place === -1) continue;
    const entry = `${at}: ${around(text, place)}`;
    const all = [...found, entry].join("\n");
    const fits = entry.length <= left && beginning(all, TOKENS).length === all.length;
    if (!fits && found.length > 0) {
      return { offset: from, next_offset: at, matches: found.length, text: found.join("\n") };
    }
    left -= entry.length + 1;
    found.push(entry);
  }
  return { offset: from, matches: found.length, text: found.join("\n") };
}

function firstOf(line: string, wanted: readonly string[]): number {
  const places = wanted.map((text) => line.indexOf(text)).filter((place) => place !== -1);
  return places.length === 0 ? -1 : Math.min(...places);
}

/** Of a long line what is around the match. */
function around(line: string, place: number): string {
  if (line.length <= LONGEST_LINE) return line;
  const start = Math.max(0, place - LONGEST_LINE / 3);
  return `${start > 0 ? "…" : ""}${line.slice(start, start + LONGEST_LINE)}…`;
}

/** Lines with their places. What is kept may have a gap: a line ends there. */
function* linesOf(output: KeptOutput, from: number): Generator<{ at: number; line: string }> {
  let held = "";
  let heldAt = from;
  for (let at = from; at < output.length; ) {
    const piece = output.slice(at, at + PIECE);
    if (piece.text === "") break;
    if (piece.from !== at && held !== "") yield { at: heldAt, line: held };
    if (piece.from !== at || held === "") {
      held = "";
      heldAt = piece.from;
    }
    const lines = (held + piece.text).split("\n");
    held = lines.pop() ?? "";
    for (const line of lines) {
      yield { at: heldAt, line };
      heldAt += line.length + 1;
    }
    at = piece.from + piece.text.length;
  }
  if (held !== "") yield { at: heldAt, line: held };
}
