import * as fs from "node:fs";
import * as path from "node:path";
import { Beneath } from "../../programs/beneath.mjs";
import { type ConfigFacts, readConfigFacts } from "./config-facts.js";
import { readRegular } from "./read-regular.js";

const MOST_CONFIG_BYTES = 1024 * 1024;
const MOST_POINTER_BYTES = 4096;

/** Where a gitdir is that a worktree does not hold: an operator's word. They differ for a linked worktree. */
export interface GitDirectories {
  /** Objects, refs and config. */
  common: string;
  /** HEAD and index. */
  own: string;
}

/** What a directory's `.git` is. */
export type FoundGit =
  /** It has none, or none that is a repository. */
  | { kind: "none" }
  /** All of it lies in the directory. */
  | { kind: "inside"; facts: ConfigFacts /** Objects that it borrows lie elsewhere. */; borrows: boolean }
  /** It is a file or a link, or a part of it is. `target` is what it names. */
  | { kind: "elsewhere"; target: string };

/** Looks at the `.git` of a directory that nobody has reviewed: no link is followed, and no program is run. */
export async function lookForGit(directory: string): Promise<FoundGit> {
  const tree = new Beneath(directory);
  try {
    const kind = typeOf(tree, ".git");
    if (kind === "file") return { kind: "elsewhere", target: await pointer(tree, ".git", "gitdir: ") };
    if (kind === "link") return { kind: "elsewhere", target: linkTarget(tree, ".git") };
    if (kind !== "directory") return { kind: "none" };
    if (typeOf(tree, ".git/commondir") === "file")
      return { kind: "elsewhere", target: await pointer(tree, ".git/commondir", "") };
    const link = [".git/objects", ".git/refs"].find((part) => typeOf(tree, part) === "link");
    if (link !== undefined) return { kind: "elsewhere", target: linkTarget(tree, link) };
    if (typeOf(tree, ".git/HEAD") === "none" || typeOf(tree, ".git/objects") !== "directory")
      return { kind: "none" };
    const config = await readSmall(tree, ".git/config", MOST_CONFIG_BYTES);
    const borrows = typeOf(tree, ".git/objects/info/alternates") !== "none";
    return { kind: "inside", facts: readConfigFacts(config), borrows };
  } finally {
    tree.close();
  }
}

/**
 * The parts of a gitdir that an operator named, for a worktree that says it belongs to `target`; undefined where that
 * leads anywhere else.
 */
export async function grantedGit(
  named: string,
  directory: string,
  target: string,
): Promise<GitDirectories | undefined> {
  const granted = realOf(named);
  const own = realOf(path.resolve(directory, target));
  if (granted === undefined || own === undefined) return undefined;
  if (path.dirname(own) === path.join(granted, "worktrees")) return { common: granted, own };
  if (own !== granted) return undefined;
  const common = await readRegular(Buffer.from(path.join(own, "commondir")), MOST_POINTER_BYTES);
  if (!Buffer.isBuffer(common)) return { common: own, own };
  const real = realOf(path.resolve(own, common.toString().trim()));
  return real === undefined ? undefined : { common: real, own };
}

/** The facts of a gitdir that an operator named. */
export async function factsOf({ common }: GitDirectories): Promise<ConfigFacts> {
  const config = await readRegular(Buffer.from(path.join(common, "config")), MOST_CONFIG_BYTES);
  return readConfigFacts(Buffer.isBuffer(config) ? config.toString("latin1") : "");
}

function typeOf(tree: Beneath, name: string): "file" | "directory" | "link" | "other" | "none" {
  let stat: fs.Stats | undefined;
  try {
    stat = fs.lstatSync(tree.place(name), { throwIfNoEntry: false });
  } catch {
    return "none";
  }
  if (stat === undefined) return "none";
  if (stat.isSymbolicLink()) return "link";
  if (stat.isDirectory()) return "directory";
  return stat.isFile() ? "file" : "other";
}

function linkTarget(tree: Beneath, name: string): string {
  try {
    return fs.readlinkSync(tree.place(name));
  } catch {
    return "";
  }
}

async function pointer(tree: Beneath, name: string, prefix: string): Promise<string> {
  const text = await readSmall(tree, name, MOST_POINTER_BYTES);
  return text.startsWith(prefix) ? text.slice(prefix.length).trim() : "";
}

/** Empty where there is none, or a larger one. */
async function readSmall(tree: Beneath, name: string, most: number): Promise<string> {
  try {
    const content = await readRegular(tree.place(name), most);
    return Buffer.isBuffer(content) ? content.toString() : "";
  } catch {
    return "";
  }
}

function realOf(place: string): string | undefined {
  try {
    return fs.realpathSync(place);
  } catch {
    return undefined;
  }
}
