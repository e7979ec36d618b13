import * as fs from "node:fs";
import { isGitName, joinBytes, splitBytes } from "../files/bytes.js";

const MAX_HOPS = 40;
const DOT = Buffer.from(".");
const DOT_DOT = Buffer.from("..");

/**
 * Why a link must not be made on the host, or undefined when it can only lead into the exported tree.
 *
 * The rule looks at one link alone: relative, ups only at its start, no more of them than it is deep. Where
 * every link keeps it, no chain of them leaves the tree, in whatever order exports put them there; a rule
 * that allowed `a/../b` would depend on `a` never becoming a link later.
 */
export function whyUnsafeLink(path: Buffer, target: Buffer, allowGit: boolean): string | undefined {
  if (target[0] === 0x2f) return "it is a link to an absolute path";
  let depth = splitBytes(path).length - 1;
  let down = false;
  for (const part of splitBytes(target)) {
    if (part.equals(DOT)) continue;
    if (!part.equals(DOT_DOT)) {
      if (!allowGit && isGitName(part)) return "it is a link into a .git";
      down = true;
    } else if (down) {
      return "it is a link that goes up again after going down, so where it leads can change";
    } else if (depth === 0) {
      return "it is a link that leads out of the exported directory";
    } else {
      depth -= 1;
    }
  }
  return undefined;
}

/**
 * True when a link would pass through a link that is on the host already, and that the export does not
 * replace: that one is the host's own and may lead anywhere.
 *
 * `links` are those of the export, latin1 of their path to their target; `others` are the paths of its files
 * and directories.
 */
export function passesHostLink(
  host: Buffer,
  path: Buffer,
  links: ReadonlyMap<string, Buffer>,
  others: ReadonlySet<string>,
): boolean {
  const place = splitBytes(path).slice(0, -1);
  const ahead = splitBytes(links.get(path.toString("latin1")) as Buffer);
  for (let hops = 0; hops < MAX_HOPS; ) {
    const part = ahead.shift();
    if (part === undefined) return false;
    if (part.equals(DOT)) continue;
    if (part.equals(DOT_DOT)) {
      place.pop();
      continue;
    }
    place.push(part);
    const here = place.reduce(joinBytes);
    const next = links.get(here.toString("latin1"));
    if (next !== undefined) {
      hops += 1;
      place.pop();
      ahead.unshift(...splitBytes(next));
    } else if (!others.has(here.toString("latin1")) && isLink(joinBytes(host, here))) {
      return true;
    }
  }
  // A loop leads nowhere.
  return false;
}

function isLink(path: Buffer): boolean {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  } catch {
    return false;
  }
}
