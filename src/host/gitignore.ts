import { Minimatch } from "minimatch";

interface Rule {
  glob: Minimatch;
  negated: boolean;
  onlyDirectories: boolean;
  /** Matched against the last name, at any depth, instead of the path from the file that holds the rule. */
  anyDepth: boolean;
}

// Rules and names are matched byte by byte, as git does, so a name that is no text is no exception: one
// character of latin1 is one byte.

/** The rules of one `.gitignore` file, over those of the directories above it. */
export interface IgnoreRules {
  /** How much of a path belongs to the directory that holds the file, its slash included. */
  readonly prefixLength: number;
  readonly rules: readonly Rule[];
  readonly above: IgnoreRules | undefined;
}

/** Reads the `.gitignore` of a directory (undefined: of the top). Rules follow gitignore(5). */
export function parseGitignore(
  content: Buffer,
  directory: Buffer | undefined,
  above: IgnoreRules | undefined,
): IgnoreRules {
  const rules: Rule[] = [];
  const text = content.toString("latin1").replace(/^\xef\xbb\xbf/, "");
  for (const line of text.split("\n")) {
    const rule = parseLine(line.replace(/\r$/, ""));
    if (rule !== undefined) rules.push(rule);
  }
  return { prefixLength: directory === undefined ? 0 : directory.length + 1, rules, above };
}

/** Whether the last rule that names this path leaves it out. Directories above it are the caller's to check. */
export function isIgnored(rules: IgnoreRules | undefined, path: Buffer, isDirectory: boolean): boolean {
  if (rules === undefined) return false;
  const text = path.toString("latin1");
  for (let level: IgnoreRules | undefined = rules; level !== undefined; level = level.above) {
    const local = text.slice(level.prefixLength);
    const name = local.slice(local.lastIndexOf("/") + 1);
    for (let index = level.rules.length - 1; index >= 0; index -= 1) {
      const rule = level.rules[index] as Rule;
      if (rule.onlyDirectories && !isDirectory) continue;
      if (rule.glob.match(rule.anyDepth ? name : local)) return !rule.negated;
    }
  }
  return false;
}

function parseLine(line: string): Rule | undefined {
  if (line.startsWith("#")) return undefined;
  let pattern = trimTrailingSpaces(line);
  const negated = pattern.startsWith("!");
  if (negated) pattern = pattern.slice(1);
  const onlyDirectories = pattern.endsWith("/");
  if (onlyDirectories) pattern = pattern.slice(0, -1);
  const anyDepth = !pattern.includes("/");
  if (pattern.startsWith("/")) pattern = pattern.slice(1);
  if (pattern === "") return undefined;
  // The library `ignore` builds regular expressions that five `**` in a hostile file make run for minutes.
  const glob = new Minimatch(pattern, {
    dot: true,
    nobrace: true,
    nocomment: true,
    noext: true,
    nonegate: true,
    platform: "linux",
  });
  return { glob, negated, onlyDirectories, anyDepth };
}

/** Spaces at the end don't count, unless a backslash stands before one. */
function trimTrailingSpaces(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === " ") end -= 1;
  let backslashes = 0;
  while (line[end - 1 - backslashes] === "\\") backslashes += 1;
  return end < line.length && backslashes % 2 === 1 ? line.slice(0, end + 1) : line.slice(0, end);
}
