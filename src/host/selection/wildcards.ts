import type { MatchWork } from "./match-work.js";

/** What one byte of a name has to be: itself, any, or one of a class (256 bits). */
type Token = number | typeof ANY | Uint8Array;

const ANY = -1;
const STAR = -2;
/** No name is as long, no tree as deep: a longer rule matches nothing, and is not read to its end. */
const LONGEST_NAME = 4096;
const MOST_PARTS = 10_000;
/** Looking at a rule and finding that it does not match takes as long as so many bytes of a name. */
const STEPS_A_TRY = 10;
const SLASH = 47;
const BACKSLASH = 92;

/** A pattern between two slashes. */
export type Part =
  | { kind: "literal"; text: string }
  /** Any number of names, none included; at the end, one or more. */
  | { kind: "globstar" }
  | Wildcard;

export interface Wildcard {
  kind: "wildcard";
  /** What a name must begin and end with, without overlap, and the least number of its bytes. */
  head: string;
  tail: string;
  least: number;
  tokens: readonly (Token | typeof STAR)[];
}

/**
 * Reads a pattern of gitignore(5), which knows `*`, `?`, `[…]`, a backslash and `**`, into its parts. Undefined: git
 * never matches it (a class without an end, say). Takes time in proportion to its length. One character is one byte.
 */
export function parseParts(pattern: string): Part[] | undefined {
  const parts: Part[] = [];
  let tokens: (Token | typeof STAR)[] = [];
  let stars = 0;
  const end = () => {
    const part = toPart(tokens, stars);
    // Two that follow each other mean the same as one.
    if (part.kind !== "globstar" || parts.at(-1)?.kind !== "globstar") parts.push(part);
    tokens = [];
    stars = 0;
  };
  const classes = new ClassReader(pattern);
  for (let at = 0; at < pattern.length; at++) {
    let code = pattern.charCodeAt(at);
    if (code === BACKSLASH) {
      at += 1;
      if (at === pattern.length) return undefined;
      code = pattern.charCodeAt(at);
      if (code !== SLASH) tokens.push(code);
    } else if (code === 42) {
      stars += 1;
      if (tokens.at(-1) !== STAR) tokens.push(STAR);
    } else if (code === 63) tokens.push(ANY);
    else if (code === 91) {
      const read = classes.read(at);
      if (read === undefined) return undefined;
      tokens.push(read.token);
      at = read.end;
    } else if (code !== SLASH) tokens.push(code);
    if (code === SLASH) end();
    if (tokens.length > 2 * LONGEST_NAME || parts.length > MOST_PARTS) return undefined;
  }
  end();
  return parts;
}

function toPart(tokens: readonly (Token | typeof STAR)[], stars: number): Part {
  if (stars > 1 && tokens.length === 1) return { kind: "globstar" };
  const isLiteral = (token: Token | typeof STAR | undefined) => typeof token === "number" && token >= 0;
  let head = 0;
  while (head < tokens.length && isLiteral(tokens[head])) head += 1;
  if (head === tokens.length) return { kind: "literal", text: textOf(tokens) };
  let tail = tokens.length;
  while (isLiteral(tokens[tail - 1])) tail -= 1;
  const least = tokens.filter((token) => token !== STAR).length;
  return {
    ...{ kind: "wildcard", head: textOf(tokens.slice(0, head)), tail: textOf(tokens.slice(tail)), least },
    tokens: tokens.slice(head, tail),
  };
}

function textOf(tokens: readonly (Token | typeof STAR)[]): string {
  // Not in one call: its arguments have to fit on the stack.
  return Buffer.from(tokens as number[]).toString("latin1");
}

/** Whether a name matches. Only the last `*` is ever tried again, which is enough: so it is no more than n times m. */
export function matchesName({ head, tail, least, tokens }: Wildcard, name: string, work: MatchWork): boolean {
  work.spend(STEPS_A_TRY);
  if (name.length < least || !name.startsWith(head) || !name.endsWith(tail)) return false;
  const end = name.length - tail.length;
  let at = head.length;
  let token = 0;
  let starToken = -1;
  let starAt = 0;
  let steps = 0;
  while (at < end || token < tokens.length) {
    steps += 1;
    const wanted = tokens[token];
    if (wanted === STAR) {
      starToken = token;
      starAt = at;
      token += 1;
    } else if (wanted !== undefined && at < end && isOf(wanted, name.charCodeAt(at))) {
      token += 1;
      at += 1;
    } else {
      if (starToken === -1 || starAt >= end) break;
      starAt += 1;
      at = starAt;
      token = starToken + 1;
    }
  }
  work.spend(steps);
  return at === end && token === tokens.length;
}

function isOf(token: Token, code: number): boolean {
  if (typeof token === "number") return token === code || token === ANY;
  return (((token[code >> 3] ?? 0) >> (code & 7)) & 1) === 1;
}

/** Whether all names of a path match. As with `*` in a name, only the last `**` is ever tried again. */
export function matchesPath(parts: readonly Part[], names: readonly string[], work: MatchWork): boolean {
  let part = 0;
  let at = 0;
  let globstar = -1;
  let globstarAt = 0;
  while (at < names.length || part < parts.length) {
    const wanted = parts[part];
    if (wanted?.kind === "globstar") {
      work.spend(1);
      if (part === parts.length - 1) return at < names.length;
      globstar = part;
      globstarAt = at;
      part += 1;
    } else if (wanted !== undefined && at < names.length && matchesPart(wanted, names[at] as string, work)) {
      part += 1;
      at += 1;
    } else {
      if (globstar === -1 || globstarAt >= names.length) return false;
      globstarAt += 1;
      at = globstarAt;
      part = globstar + 1;
    }
  }
  return true;
}

function matchesPart(part: Exclude<Part, { kind: "globstar" }>, name: string, work: MatchWork): boolean {
  if (part.kind === "wildcard") return matchesName(part, name, work);
  work.spend(1);
  return part.text === name;
}

/** Reads `[…]` as git's wildmatch does. */
class ClassReader {
  readonly #pattern: string;
  /** Where the next `]` is: looked for once, however many `[:` stand before it. */
  #close = -1;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  /** The class that begins at `start`, and where its `]` is; undefined when it has none. */
  read(start: number): { token: Token; end: number } | undefined {
    const pattern = this.#pattern;
    const bits = new Uint8Array(32);
    let at = start + 1;
    const negated = pattern[at] === "!" || pattern[at] === "^";
    if (negated) at += 1;
    let previous = -1;
    for (let first = true; first || pattern[at] !== "]"; first = false, at += 1) {
      let code = pattern.charCodeAt(at);
      if (Number.isNaN(code)) return undefined;
      const next = pattern[at + 1];
      if (code === 45 && previous !== -1 && next !== undefined && next !== "]") {
        at += next === "\\" ? 2 : 1;
        code = pattern.charCodeAt(at);
        if (Number.isNaN(code)) return undefined;
        for (let each = previous; each <= code; each++) setBit(bits, each);
        previous = -1;
        continue;
      }
      if (code === 91 && next === ":") {
        const close = this.#closeAfter(at + 2);
        if (close === -1) return undefined;
        if (close > at + 2 && pattern[close - 1] === ":") {
          const named = POSIX.get(pattern.slice(at + 2, close - 1));
          if (named === undefined) return undefined;
          for (let each = 0; each < bits.length; each++) bits[each] = (bits[each] ?? 0) | (named[each] ?? 0);
          at = close;
          previous = -1;
          continue;
        }
      }
      if (code === BACKSLASH) {
        at += 1;
        code = pattern.charCodeAt(at);
        if (Number.isNaN(code)) return undefined;
      }
      setBit(bits, code);
      previous = code;
    }
    if (negated) for (let each = 0; each < bits.length; each++) bits[each] = ~(bits[each] ?? 0) & 255;
    return { token: bits, end: at };
  }

  #closeAfter(at: number): number {
    if (this.#close < at) this.#close = this.#pattern.indexOf("]", at);
    return this.#close;
  }
}

function setBit(bits: Uint8Array, code: number): void {
  bits[code >> 3] = (bits[code >> 3] ?? 0) | (1 << (code & 7));
}

/** As the C locale has them. */
const POSIX: ReadonlyMap<string, Uint8Array> = new Map(
  Object.entries<RegExp>({
    ...{
      alnum: /[A-Za-z0-9]/,
      alpha: /[A-Za-z]/,
      blank: /[ \t]/,
      digit: /\d/,
      lower: /[a-z]/,
      upper: /[A-Z]/,
    },
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
    ...{ cntrl: /[\u0000-\u001f\u007f]/, graph: /[!-~]/, print: /[ -~]/, punct: /[!-/:-@[-`{-~]/ },
    ...{ space: /[ \t-\r]/, xdigit: /[0-9A-Fa-f]/ },
  }).map(([name, isIn]) => [name, bitsOf(isIn)]),
);

function bitsOf(isIn: RegExp): Uint8Array {
  const bits = new Uint8Array(32);
  for (let each = 0; each < 128; each++) if (isIn.test(String.fromCharCode(each))) setBit(bits, each);
  return bits;
}
