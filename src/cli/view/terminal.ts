import { stripVTControlCharacters } from "node:util";
import pc from "picocolors";

/** Colours and signs for one output stream; plain where the stream or its reader can't take them. */
export type Theme = ReturnType<typeof pc.createColors> & { signs: typeof UNICODE };

/** What a stream of the process has, as far as rendering cares. */
export interface Output {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  rows?: number | undefined;
  write(text: string | Uint8Array): unknown;
}

type Env = Readonly<Record<string, string | undefined>>;

const UNICODE = {
  passed: "✔",
  failed: "✖",
  timedOut: "✖",
  skipped: "–",
  cancelled: "■",
  flaky: "~",
  error: "!",
  waiting: "·",
  frames: ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
  branch: "├",
  lastBranch: "└",
  bar: "│",
  ellipsis: "…",
};

const ASCII: typeof UNICODE = {
  ...UNICODE,
  passed: "+",
  failed: "x",
  timedOut: "x",
  skipped: "-",
  cancelled: "-",
  waiting: ".",
  frames: ["-", "\\", "|", "/"],
  branch: "|",
  lastBranch: "`",
  bar: "|",
  ellipsis: "...",
};

/** NO_COLOR, then FORCE_COLOR, then whether a terminal reads the stream decide about colours. */
export function theme(output: Output, env: Env = process.env): Theme {
  const plainTerminal = env.TERM === "dumb" || env.TERM === "linux";
  return { ...pc.createColors(hasColors(output, env)), signs: plainTerminal ? ASCII : UNICODE };
}

export function hasColors(output: Output, env: Env = process.env): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  return output.isTTY === true && env.TERM !== "dumb";
}

/** Whether lines already printed may be drawn over. A CI's log keeps every frame, so not there. */
export function canRedraw(output: Output, env: Env = process.env): boolean {
  return output.isTTY === true && env.TERM !== "dumb" && !env.CI;
}

// Line ends stay. Bidirectional marks go too: they make a line read as something that it is not.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Sandboxed text as it may be shown on a terminal: it can't move the cursor, set titles or ring bells. */
export function harmless(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\r\n?|[\u2028\u2029]/g, "\n")
    .replace(CONTROL, "")
    .replaceAll("\t", "    ");
}

/** {@link harmless} on one line. */
export function oneLine(text: string): string {
  return harmless(text)
    .replace(/\s*\n\s*/g, " ")
    .trim();
}

/** All strings in a value made {@link harmless}: for what carries a candidate's own words. */
export function harmlessValue<T>(value: T): T {
  if (typeof value === "string") return harmless(value) as T;
  if (Array.isArray(value)) return value.map(harmlessValue) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, harmlessValue(item)])) as T;
}

/** JSON for people and programs: what a terminal would take for control characters is escaped. */
export function jsonText(value: unknown): string {
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `${JSON.stringify(value, undefined, 2).replace(/[\u007f-\u009f\u200e-\u200f\u2028-\u202e\u2066-\u2069]/g, escaped)}\n`;
}

/** {@link harmless} for text that comes in pieces: a sequence cut in two leaves no litter. */
export class HarmlessStream {
  #held = "";

  push(text: string): string {
    const whole = this.#held + text;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence without its end
    const open = whole.search(/(?:\u001b(?:[[\]][^\u0007\u001b\n]{0,200})?|\r)$/);
    const end = open === -1 || isComplete(whole.slice(open)) ? whole.length : open;
    this.#held = whole.slice(end);
    return harmless(whole.slice(0, end));
  }

  flush(): string {
    const rest = harmless(this.#held);
    this.#held = "";
    return rest;
  }
}

function isComplete(sequence: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a CSI sequence with its final byte
  return /^\u001b\[[0-?]*[ -/]*[@-~]/.test(sequence);
}
