import { existsSync, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** What a pattern's `<names>` stand for. */
export type Captured = Readonly<Record<string, string>>;

/** What of a directory patterns name. */
export interface Expanded {
  /** Absolute. */
  paths: string[];
  /** Those beside them: "3.12" to "3.12.4", "lib64" to "lib". */
  links: { at: string; target: string }[];
}

/** What the names of a pattern stand for where it says a relative path: `<name>` is any one part, `{a,b}` a choice. */
export function matchPattern(pattern: string, path: string): Captured | undefined {
  for (const choice of choicesOf(pattern)) {
    const captured = match(partsOf(choice), partsOf(path));
    if (captured) return captured;
  }
  return undefined;
}

/**
 * What is there of patterns below a root; `*` is any name. A directory in which any name may be and nothing else is
 * there is given whole: each mount costs every command.
 */
export function expand(root: string, patterns: readonly string[], captured: Captured): Expanded {
  const wanted: Wanted = new Map();
  for (const pattern of patterns.flatMap(choicesOf)) {
    const filled = pattern.replace(/<(.*?)>/g, (all, name: string) => captured[name] ?? all);
    if (!filled.includes("<")) add(wanted, partsOf(filled));
  }
  return collect(root, wanted, false);
}

function match(wanted: readonly string[], parts: readonly string[]): Captured | undefined {
  if (wanted.length !== parts.length) return undefined;
  const captured: Record<string, string> = {};
  for (const [at, want] of wanted.entries()) {
    const part = parts[at] as string;
    const name = /^<(.*)>$/.exec(want)?.[1];
    if (name !== undefined) captured[name] = part;
    else if (want !== part) return undefined;
  }
  return captured;
}

type Wanted = Map<string, Wanted>;

function add(into: Wanted, [first, ...rest]: readonly string[]): void {
  if (first === undefined) return;
  const below = into.get(first) ?? new Map();
  into.set(first, below);
  add(below, rest);
}

interface Collected extends Expanded {
  isWhole: boolean;
}

function collect(directory: string, wanted: Wanted, mayBeWhole: boolean): Collected {
  if (wanted.size === 0) return leaf(directory);
  const any = wanted.get("*");
  const found: Collected = { paths: [], links: [], isWhole: mayBeWhole || any !== undefined };
  // Where no name is free and the whole is not to be had, nobody looks around.
  const names = found.isWhole ? namesIn(directory) : [...wanted.keys()];
  for (const name of names) {
    const path = join(directory, name);
    const below = wanted.get(name) ?? any;
    const inside =
      below && (below === any && isLink(path) ? link(path) : collect(path, below, found.isWhole));
    found.isWhole &&= inside?.isWhole ?? false;
    found.paths.push(...(inside?.paths ?? []));
    found.links.push(...(inside?.links ?? []));
  }
  if (found.paths.length === 0) return { ...found, isWhole: false };
  return found.isWhole ? { paths: [directory], links: [], isWhole: true } : found;
}

function leaf(path: string): Collected {
  if (!existsSync(path)) return { paths: [], links: [], isWhole: true };
  return isLink(path) && !readlinkSync(path).includes("/")
    ? link(path)
    : { paths: [path], links: [], isWhole: true };
}

function link(at: string): Collected {
  return { paths: [], links: [{ at, target: readlinkSync(at) }], isWhole: true };
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** None of what is no directory, or not for us. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function choicesOf(pattern: string): string[] {
  const [, before = "", choice, after = ""] = /^(.*?)\{(.*?)\}(.*)$/.exec(pattern) ?? [];
  if (choice === undefined) return [pattern];
  return choice.split(",").flatMap((each) => choicesOf(`${before}${each}${after}`));
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
