import { SandboxError } from "../../errors.js";
import { printable } from "../../files/bytes.js";
import type { Slices } from "../../files/slices.js";
import { type IgnoredPath, IgnoreIndex, type Rule } from "./ignore-index.js";
import type { MatchWork } from "./match-work.js";
import { type Part, parseParts } from "./wildcards.js";

/** In one directory and those above it together. */
const MOST_RULES = 200_000;

// Rules and names are matched byte by byte, as git does, so a name that is no text is no exception: one
// character of latin1 is one byte.

/** The rules of one `.gitignore` file, over those of the directories above it. */
export interface IgnoreRules {
  /** How much of a path belongs to the directory that holds the file, its slash included. */
  readonly prefixLength: number;
  readonly index: IgnoreIndex;
  /** Of this file and those above. */
  readonly count: number;
  readonly above: IgnoreRules | undefined;
}

/**
 * Reads the `.gitignore` of a directory (undefined: of the top). Rules follow gitignore(5).
 *
 * @throws SandboxError LIMIT for too many rules, ABORTED.
 */
export async function parseGitignore(
  content: Buffer,
  directory: Buffer | undefined,
  above: IgnoreRules | undefined,
  operation: string,
  slices: Slices,
): Promise<IgnoreRules> {
  const index = new IgnoreIndex();
  const before = above?.count ?? 0;
  let count = before;
  const text = content.toString("latin1").replace(/^\xef\xbb\xbf/, "");
  for (let start = 0, end = 0; start < text.length; start = end + 1) {
    if (slices.due()) await slices.rest();
    end = text.indexOf("\n", start);
    if (end === -1) end = text.length;
    const rule = parseLine(text.slice(start, text[end - 1] === "\r" ? end - 1 : end), count - before);
    if (rule === undefined) continue;
    index.add(rule);
    count += 1;
    if (count > MOST_RULES) throw tooMany(directory, operation);
  }
  return { prefixLength: directory === undefined ? 0 : directory.length + 1, index, count, above };
}

/** Whether the last rule that names this path leaves it out. Directories above it are the caller's to check. */
export function isIgnored(
  rules: IgnoreRules | undefined,
  path: Buffer,
  isDirectory: boolean,
  work: MatchWork,
): boolean {
  if (rules === undefined) return false;
  work.next();
  const text = path.toString("latin1");
  const name = text.slice(text.lastIndexOf("/") + 1);
  for (let level: IgnoreRules | undefined = rules; level !== undefined; level = level.above) {
    const local: IgnoredPath = { path: text.slice(level.prefixLength), name, isDirectory };
    const rule = level.index.last(local, work);
    if (rule !== undefined) return !rule.negated;
  }
  return false;
}

function parseLine(line: string, order: number): Rule | undefined {
  if (line.startsWith("#")) return undefined;
  let pattern = trimTrailingSpaces(line);
  const negated = pattern.startsWith("!");
  if (negated) pattern = pattern.slice(1);
  const onlyDirectories = pattern.endsWith("/");
  if (onlyDirectories) pattern = pattern.slice(0, -1);
  const anyDepth = !pattern.includes("/");
  if (pattern.startsWith("/")) pattern = pattern.slice(1);
  if (pattern === "") return undefined;
  const parts = parseParts(anyDepth ? pattern.replace(/^\*+$/, "*") : pattern);
  if (parts === undefined) return undefined;
  const literal = parts.every(({ kind }: Part) => kind === "literal");
  return { order, negated, onlyDirectories, anyDepth, parts, literal };
}

/** Spaces at the end don't count, unless a backslash stands before one. */
function trimTrailingSpaces(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === " ") end -= 1;
  let backslashes = 0;
  while (line[end - 1 - backslashes] === "\\") backslashes += 1;
  return end < line.length && backslashes % 2 === 1 ? line.slice(0, end + 1) : line.slice(0, end);
}

function tooMany(directory: Buffer | undefined, operation: string): SandboxError {
  const where = directory === undefined ? "the top" : printable(directory);
  const message = `${operation}: the .gitignore files of ${where} and above it have more than ${MOST_RULES} rules. Name fewer, with wildcards.`;
  return new SandboxError("LIMIT", message, { operation, path: where });
}
