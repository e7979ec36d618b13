import { existsSync, lstatSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { namesIn } from "./read.js";

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
 * What is there of patterns below a root; `*` is any name. Never a directory above it, though nothing else be in that now:
 * a pip.conf with a password may be there tomorrow, and a sandbox sees what comes into a directory that it is shown.
 */
export function expand(root: string, patterns: readonly string[], captured: Captured): Expanded {
  const wanted: Wanted = new Map();
  for (const pattern of patterns.flatMap(choicesOf)) {
    const filled = pattern.replace(/<(.*?)>/g, (all, name: string) => captured[name] ?? all);
    if (!filled.includes("<")) add(wanted, partsOf(filled));
  }
  return collect(root, wanted);
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

function collect(directory: string, wanted: Wanted): Expanded {
  if (wanted.size === 0) return leaf(directory);
  const any = wanted.get("*");
  const found: Expanded = { paths: [], links: [] };
  // Where no name is free, nobody looks around.
  for (const name of any ? namesIn(directory) : wanted.keys()) {
    const path = join(directory, name);
    const below = wanted.get(name) ?? any;
    const inside = below && (below === any && isLink(path) ? link(path) : collect(path, below));
    found.paths.push(...(inside?.paths ?? []));
    found.links.push(...(inside?.links ?? []));
  }
  return found;
}

function leaf(path: string): Expanded {
  if (!existsSync(path)) return { paths: [], links: [] };
  return isLink(path) && !readlinkSync(path).includes("/") ? link(path) : { paths: [path], links: [] };
}

function link(at: string): Expanded {
  return { paths: [], links: [{ at, target: readlinkSync(at) }] };
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

function choicesOf(pattern: string): string[] {
  const [, before = "", choice, after = ""] = /^(.*?)\{(.*?)\}(.*)$/.exec(pattern) ?? [];
  if (choice === undefined) return [pattern];
  return choice.split(",").flatMap((each) => choicesOf(`${before}${each}${after}`));
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
