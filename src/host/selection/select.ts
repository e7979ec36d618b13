import * as fs from "node:fs";
import * as path from "node:path";
import type { ImportEntry } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { amountOf, inodeOf } from "../../files/amount.js";
import { joinBytes, printable } from "../../files/bytes.js";
import { hostError } from "../../files/errors.js";
import { Slices } from "../../files/slices.js";
import { seconds } from "../../files/times.js";
import type { RefreshOptions, Skipped } from "../../options.js";
import { Beneath } from "../../programs/beneath.mjs";
import type { GitDirectories } from "../git/gitdir.js";
import { historyGlobs } from "../git/history.js";
import { checkHostPath } from "../target.js";
import { findRepository } from "./repository.js";
import { describeSpecial, type Found, isReadable, type Visitor, walkTree } from "./walk.js";

const operation = "refreshFromHost";

/** What of a directory is wanted. */
export interface SelectOptions extends RefreshOptions {
  /** Globs of what is left out unless git tracks it. */
  excludeUntracked?: readonly string[];
  /** Of `.git`, history and index instead of what the globs say; false: nothing. Left out: what the globs say. */
  git?: boolean;
  /** Where the gitdir of a linked worktree is. */
  gitDirectories?: GitDirectories;
}

/** What an import brings. */
export interface Selection {
  /** The host directory, absolute, as the engine is to open it. */
  source: string;
  /** Directories before what is in them. */
  entries: ImportEntry[];
  /** Of regular files together. */
  bytes: number;
  /** Devices, sockets and FIFOs, and an index of git that tells nothing. */
  skipped: Skipped[];
}

/**
 * Lists what of a host directory goes into a sandbox: everything, narrowed by `include`, `exclude` and
 * `gitignore`. Links are listed as links and never followed, except that `hostPath` itself may be one.
 *
 * @throws SandboxError NOT_FOUND, NOT_A_DIRECTORY, PERMISSION for a file or directory in it that can't be read,
 * INVALID_ARGUMENT for a bad path or glob, ABORTED.
 */
export async function selectTree(hostPath: string, options: SelectOptions): Promise<Selection> {
  const root = resolveSource(hostPath);
  const tree = openTree(root);
  try {
    return { source: path.resolve(hostPath), ...(await select(tree, root, options)) };
  } finally {
    tree.close();
  }
}

async function select(
  tree: Beneath,
  root: Buffer,
  options: SelectOptions,
): Promise<Omit<Selection, "source">> {
  const { git, gitignore, excludeUntracked, exclude = [], signal } = options;
  const slices = new Slices(operation, signal);
  const asGit = gitignore || excludeUntracked !== undefined;
  const repository = asGit
    ? await findRepository(root, options.gitDirectories, operation, slices)
    : undefined;
  const list = new EntryList(tree, root);
  const without = git === undefined ? exclude : [".git", ...exclude];
  await walkTree(tree, { ...options, exclude: without, repository, operation }, list);
  if (git === true) await walkTree(tree, { ...historyGlobs(".git"), signal, operation }, list);
  const { entries, bytes, skipped } = list;
  if (repository?.unread) skipped.push(repository.unread);
  return { entries, bytes, skipped };
}

/** What is visited, as an import takes it. */
class EntryList implements Visitor {
  readonly entries: ImportEntry[] = [];
  readonly skipped: Skipped[] = [];
  bytes = 0;
  readonly #tree: Beneath;
  readonly #root: Buffer;

  constructor(tree: Beneath, root: Buffer) {
    this.#tree = tree;
    this.#root = root;
  }

  visit(found: Found): boolean {
    const { kind, stat } = found;
    if (kind === "other") {
      this.skipped.push({ path: printable(found.path), reason: `it is ${describeSpecial(stat)}` });
      return false;
    }
    if (kind === "file" && !isReadable(this.#tree, found))
      this.unreadable(found.path, Object.assign(new Error("not readable"), { code: "EACCES" }));
    const entry = entryOf(found, kind);
    if (kind === "file") this.bytes += entry.size;
    this.entries.push(entry);
    return true;
  }

  unreadable(relative: Buffer, error: unknown): never {
    const full = relative.length === 0 ? this.#root : joinBytes(this.#root, relative);
    throw hostError(error, operation, "Can't read", printable(full));
  }
}

function entryOf({ path, stat }: Found, type: ImportEntry["type"]): ImportEntry {
  const { size, allocated } = type === "directory" ? { size: 0, allocated: 0 } : amountOf(stat);
  const inode = type === "file" ? inodeOf(stat) : undefined;
  return {
    path,
    type,
    mode: Number(stat.mode) & 0o1777,
    size,
    allocated,
    mtime: seconds(stat.mtimeNs),
    ...(inode !== undefined && { inode }),
    stamp: `${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}:${stat.ino}`,
  };
}

function openTree(root: Buffer): Beneath {
  try {
    return new Beneath(root);
  } catch (error) {
    throw hostError(error, operation, "Can't read", printable(root));
  }
}

function resolveSource(hostPath: string): Buffer {
  checkHostPath(hostPath, operation);
  const shown = printable(path.resolve(hostPath));
  let root: Buffer;
  let isDirectory: boolean;
  try {
    root = fs.realpathSync.native(path.resolve(hostPath), { encoding: "buffer" }) as unknown as Buffer;
    isDirectory = fs.statSync(root).isDirectory();
  } catch (error) {
    throw hostError(error, operation, "Can't import", shown);
  }
  if (isDirectory) return root;
  const message = `Can't import ${shown}: it is not a directory. Name the directory that holds it, and use include.`;
  throw new SandboxError("NOT_A_DIRECTORY", message, { operation, path: shown });
}
