import * as fs from "node:fs";
import * as path from "node:path";
import { SandboxError } from "../../errors.js";
import type { Slices } from "../../files/slices.js";
import type { Skipped } from "../../options.js";
import { Beneath } from "../../programs/beneath.mjs";
import { readConfigFacts } from "../git/config-facts.js";
import type { GitDirectories } from "../git/gitdir.js";
import { parseIndex } from "../git/index-file.js";
import { readRegular } from "../git/read-regular.js";
import { Tracked } from "../git/tracked.js";
import { type IgnoreRules, isIgnored, parseGitignore } from "./gitignore.js";
import { readIgnoreFile } from "./gitignore-file.js";
import { MatchWork } from "./match-work.js";

const MOST_CONFIG_BYTES = 1024 * 1024;
const MOST_INDEX_BYTES = 128 * 1024 * 1024;

/** What git knows of a directory besides what lies in it. */
export interface Repository {
  /** From the worktree's root to the directory, with a slash at its end; empty where it is the root. As latin1. */
  lead: string;
  /** Of `info/exclude`, and of the `.gitignore` files above the directory. */
  rules: IgnoreRules | undefined;
  /** Left out where there is no index. */
  tracked?: Tracked;
  /** There is an index that can't be read. */
  unread?: Skipped;
}

/**
 * Looks for the repository of a directory (its path without links): in itself, else above it, where only one that
 * belongs to this caller or to the directory's owner counts, as for git. Never through a link or a `.git` that is a file.
 *
 * @throws SandboxError LIMIT for a .gitignore that is too large, ABORTED.
 */
export async function findRepository(
  directory: Buffer,
  granted: GitDirectories | undefined,
  operation: string,
  slices: Slices,
): Promise<Repository> {
  const root = rootOf(directory);
  if (root === undefined) return { lead: "", rules: undefined };
  const tree = new Beneath(Buffer.from(root, "latin1"));
  try {
    const lead = leadOf(root, directory.toString("latin1"));
    const rules = await rulesAbove(tree, lead, granted, operation, slices);
    return { lead, rules, ...(await trackedIn(tree, granted, slices)) };
  } finally {
    tree.close();
  }
}

/** As latin1. */
function rootOf(directory: Buffer): string | undefined {
  const owners = [process.geteuid?.(), fs.statSync(directory).uid];
  for (let at = directory.toString("latin1"); ; at = path.posix.dirname(at)) {
    const stat = lstat(Buffer.from(path.posix.join(at, ".git"), "latin1"));
    if (stat !== undefined) {
      const own = at === directory.toString("latin1");
      return own || owners.includes(stat.uid) ? at : undefined;
    }
    if (at === "/" || at === ".") return undefined;
  }
}

function leadOf(root: string, directory: string): string {
  const relative = path.posix.relative(root, directory);
  return relative === "" ? "" : `${relative}/`;
}

/** None where git ignores the directory itself: who validates it means what is in it. */
async function rulesAbove(
  tree: Beneath,
  lead: string,
  granted: GitDirectories | undefined,
  operation: string,
  slices: Slices,
): Promise<IgnoreRules | undefined> {
  const work = new MatchWork(operation, "the .gitignore rules");
  const add = async (place: () => Buffer, shown: string, at: string, above: IgnoreRules | undefined) => {
    const content = ignoreFile(place, shown, operation);
    if (content === undefined) return above;
    const directory = at === "" ? undefined : Buffer.from(at, "latin1");
    return parseGitignore(content, directory, above, operation, slices);
  };
  const exclude = granted === undefined ? undefined : Buffer.from(`${granted.common}/info/exclude`);
  const excluded = () => exclude ?? tree.place(".git/info/exclude");
  let rules = await add(excluded, ".git/info/exclude", "", undefined);
  const parts = lead.split("/").slice(0, -1);
  for (const [depth, part] of parts.entries()) {
    const at = parts.slice(0, depth).join("/");
    const file = at === "" ? ".gitignore" : `${at}/.gitignore`;
    rules = await add(() => tree.place(file), file, at, rules);
    const below = at === "" ? part : `${at}/${part}`;
    if (isIgnored(rules, Buffer.from(below, "latin1"), true, work)) return undefined;
  }
  return rules;
}

function ignoreFile(place: () => Buffer, shown: string, operation: string): Buffer | undefined {
  try {
    return readIgnoreFile(place(), Buffer.from(shown, "latin1"), operation);
  } catch (error) {
    if (error instanceof SandboxError) throw error;
    // What isn't there, or can't be read, has no rules.
    return undefined;
  }
}

async function trackedIn(
  tree: Beneath,
  granted: GitDirectories | undefined,
  slices: Slices,
): Promise<Pick<Repository, "tracked" | "unread">> {
  const inTree = (name: string) => () => tree.place(`.git/${name}`);
  const place = (which: keyof GitDirectories, name: string) =>
    granted === undefined ? inTree(name) : () => Buffer.from(`${granted[which]}/${name}`);
  const config = await readOrNothing(place("common", "config"), MOST_CONFIG_BYTES);
  const { objectFormat } = readConfigFacts(Buffer.isBuffer(config) ? config.toString("latin1") : "");
  const hashBytes = objectFormat === "sha256" ? 32 : 20;
  const lists: string[][] = [];
  let name: string | undefined = "index";
  while (name !== undefined && lists.length < 2) {
    const content: Buffer | "larger" | undefined = await readOrNothing(place("own", name), MOST_INDEX_BYTES);
    if (content === undefined) break;
    if (content === "larger") return unread(name, "it is larger than 128 MiB");
    const index = await parseIndex(content, hashBytes, slices);
    if (index === undefined) return unread(name, "it is no index that forkbox knows");
    lists.push(index.names);
    name = index.shared;
  }
  return lists.length === 0 ? {} : { tracked: new Tracked(lists) };
}

function unread(name: string, why: string): { unread: Skipped } {
  const reason = `${why}, so what git tracks although .gitignore names it is left out`;
  return { unread: { path: `.git/${name}`, reason } };
}

async function readOrNothing(place: () => Buffer, most: number): Promise<Buffer | "larger" | undefined> {
  try {
    return await readRegular(place(), most);
  } catch {
    return undefined;
  }
}

function lstat(place: Buffer): fs.Stats | undefined {
  try {
    return fs.lstatSync(place, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
