import { Minimatch } from "minimatch";
import { SandboxError } from "../../errors.js";
import type { Slices } from "../../files/slices.js";

/** Compiled globs. Paths are relative, with "/" between parts and none at the ends. */
export interface Globs {
  /** The path itself matches. */
  matches(path: string): boolean;
  /** The path, or a directory above it, matches. */
  covers(path: string): boolean;
  /** Something below this directory can match: whether it is worth reading. */
  mayMatchBelow(directory: string): boolean;
}

/** Without wildcards, and with names only between its slashes: found in a set, however many there are. */
const PLAIN = /^(?!\.?\/|.*\/\.?(\/|$))[^*?[\]{}()!+@\\]+$/s;
// What is compiled and matched can't be interrupted, and comes from unreviewed projects.
const LONGEST_PATH = 4096;
const MOST_CHARACTERS = 1024;
const MOST_CLASSES = 64;
const MOST_EXTGLOBS = 16;
const MOST_BRACES = 32;
const MOST_EXPANSIONS = 1000;
/** Of all globs with wildcards together, in characters. */
const MOST_WEIGHT = 32 * 1024;
const TOO_MANY = "and those before it are too many to match, or too long; write fewer with wildcards";

/** Where globs come from, for the message when one is no good. */
export interface GlobSource {
  operation: string;
  option: string;
}

/**
 * Compiles globs: `*` and `?` stay within a name, `**` crosses directories, `{a,b}`, `[a-z]`, a leading dot is
 * like any other character. They are anchored: `dist` is the top one, a `dist` at any depth is written with
 * two asterisks and a slash before it. What matches a directory stands for all that is in it.
 *
 * Those without wildcards may be any number. The others together may have about 32,000 characters, braces written
 * out, and each at most 1024: so that a pattern or a name from an unreviewed project can't hang the process.
 *
 * @throws SandboxError INVALID_ARGUMENT for an empty glob, an absolute one, one with `..` or a leading `!`, and too many or too
 * long ones.
 */
export function compileGlobs(patterns: readonly string[], source: GlobSource): Globs {
  const set = new GlobSet(source);
  for (const pattern of patterns) set.add(pattern);
  return set;
}

/** The same for those that nobody has reviewed: thousands of them take longer than the event loop may stop. */
export async function compileGlobsInSlices(
  patterns: readonly string[],
  source: GlobSource,
  slices: Slices,
): Promise<Globs> {
  const set = new GlobSet(source);
  for (const pattern of patterns) {
    if (slices.due()) await slices.rest();
    set.add(pattern);
  }
  return set;
}

class GlobSet implements Globs {
  readonly #source: GlobSource;
  readonly #compiled: Minimatch[] = [];
  readonly #plain = new Set<string>();
  readonly #leadsToPlain = new Set<string>();
  #weight = 0;

  constructor(source: GlobSource) {
    this.#source = source;
  }

  add(pattern: string): void {
    const bare = checked(pattern, this.#source);
    if (bare.length <= LONGEST_PATH && PLAIN.test(bare)) {
      this.#plain.add(bare);
      for (let end = bare.length; end > 0; end = bare.lastIndexOf("/", end - 1)) {
        const leading = bare.slice(0, end);
        if (this.#leadsToPlain.has(leading)) break;
        this.#leadsToPlain.add(leading);
      }
      return;
    }
    const glob = compile(bare, pattern, this.#source);
    this.#compiled.push(glob);
    this.#weight += weightOf(glob);
    if (this.#weight > MOST_WEIGHT) throw refusal(pattern, TOO_MANY, this.#source);
  }

  matches(path: string): boolean {
    return this.#plain.has(path) || this.#compiled.some((glob) => glob.match(path));
  }

  covers(path: string): boolean {
    if (this.matches(path)) return true;
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      if (this.matches(path.slice(0, end))) return true;
    }
    return false;
  }

  mayMatchBelow(directory: string): boolean {
    return this.#leadsToPlain.has(directory) || this.#compiled.some((glob) => glob.match(directory, true));
  }
}

function compile(bare: string, pattern: string, source: GlobSource): Minimatch {
  const refuse = (why: string): never => {
    throw refusal(pattern, why, source);
  };
  if (bare.length > MOST_CHARACTERS)
    return refuse(`is longer than ${MOST_CHARACTERS} characters; write several`);
  if (bracketsOf(bare) > MOST_CLASSES) return refuse(`has more than ${MOST_CLASSES} "["`);
  if (extglobsOf(bare) > MOST_EXTGLOBS) return refuse(`has more than ${MOST_EXTGLOBS} groups like +(…)`);
  if ((bare.match(/\{/g)?.length ?? 0) > MOST_BRACES) return refuse(`has more than ${MOST_BRACES} "{"`);
  // The library would leave out what is over its limit, and say nothing.
  const most = Math.min(MOST_EXPANSIONS, Math.ceil(MOST_WEIGHT / bare.length));
  const glob = new Minimatch(bare, {
    dot: true,
    nocomment: true,
    nonegate: true,
    platform: "linux",
    braceExpandMax: most + 1,
  });
  if (glob.globSet.length > most) return refuse(`stands for more than ${most} with its braces; write fewer`);
  return glob;
}

/** What matching a path with it may cost, in characters of a plain glob: groups are tried with each other, and a `]` is looked for. */
function weightOf({ globSet }: Minimatch): number {
  return globSet.reduce(
    (sum, each) => sum + each.length * (1 + extglobsOf(each)) ** 2 * (1 + bracketsOf(each)),
    0,
  );
}

function bracketsOf(glob: string): number {
  return glob.match(/\[/g)?.length ?? 0;
}

function extglobsOf(glob: string): number {
  return glob.match(/[+@!?*]\(/g)?.length ?? 0;
}

function refusal(pattern: unknown, why: string, { operation, option }: GlobSource): SandboxError {
  const shown = JSON.stringify(pattern) ?? String(pattern);
  const short = shown.length > 100 ? `${shown.slice(0, 100)}…` : shown;
  const message = `${operation}: ${option}: the glob ${short} ${why}.`;
  return new SandboxError("INVALID_ARGUMENT", message, { operation });
}

/** A glob without what means nothing at its ends. */
function checked(pattern: string, source: GlobSource): string {
  const refuse = (why: string): never => {
    throw refusal(pattern, why, source);
  };
  if (typeof pattern !== "string" || pattern.length === 0)
    return refuse("must be a string that is not empty");
  if (pattern.includes("\0")) return refuse("must not hold a NUL byte");
  if (pattern.startsWith("/")) return refuse("must be relative");
  if (/^!(?!\()/.test(pattern))
    return refuse("can't be negated with `!`; use the other of include and exclude");
  const bare = withoutSlashes(pattern.replace(/^(\.\/+)+/, ""));
  if (bare.split("/").includes("..")) return refuse("must not leave the directory with `..`");
  return bare === "." || bare === "" ? "**" : bare;
}

function withoutSlashes(glob: string): string {
  let end = glob.length;
  while (glob[end - 1] === "/") end -= 1;
  return glob.slice(0, end);
}
