import { readFileSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";

const OVERFLOW_ID = 65_534;

/**
 * Why what lies at a path without links is not shown unasked, for people; undefined where it may be. What somebody
 * else can change is no tool of the caller's; and root's forkbox shows a sandbox only what everybody may read.
 */
export function whyNotTrusted(real: string, strangers: boolean): string | undefined {
  const stat = statSync(real);
  const own = process.getuid?.() ?? 0;
  if (!stat.isDirectory() && !stat.isFile()) return "it is no directory or file";
  if (stat.uid !== 0 && stat.uid !== own) return "it belongs to somebody else";
  if (isWritable(stat)) return "others may write to it";
  const needed = stat.isDirectory() ? 0o005 : 0o004;
  if (strangers && (stat.mode & needed) !== needed) return "not everybody may read it";
  for (let at = dirname(real); ; at = dirname(at)) {
    const above = statSync(at);
    // Who may only add to a directory (/tmp) can't put something in the place of what is there.
    const isSticky = (above.mode & 0o1000) !== 0;
    if (isWritable(above) && !isSticky) return `others may write to ${at}`;
    // In a user namespace the host's root is nobody.
    if (![0, own, OVERFLOW_ID].includes(above.uid)) return `${at} belongs to somebody else`;
    if (at === "/") return undefined;
  }
}

function isWritable({ mode, gid }: Stats): boolean {
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0 && !isPrivateGroup(gid));
}

/** Many systems give each account a group of its own, whose files the group may write to. */
function isPrivateGroup(gid: number): boolean {
  if (gid !== process.getgid?.()) return false;
  const own = String(process.getuid?.());
  const others = linesOf("/etc/passwd").filter(([, , uid, group]) => group === String(gid) && uid !== own);
  const [, , , members = ""] = linesOf("/etc/group").find(([, , id]) => id === String(gid)) ?? [];
  const [account] = linesOf("/etc/passwd").find(([, , uid]) => uid === own) ?? [];
  return others.length === 0 && members.split(",").every((name) => name === "" || name === account);
}

function linesOf(file: string): string[][] {
  return readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.split(":"));
}
