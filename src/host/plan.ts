import * as fs from "node:fs";
import { SandboxError } from "../errors.js";
import { amountOf, inodeOf, isSparse } from "../files/amount.js";
import { baseName, isGitName, joinBytes, printable } from "../files/bytes.js";
import { hostError, isGone, systemCode } from "../files/errors.js";
import { Slices } from "../files/slices.js";
import { seconds } from "../files/times.js";
import type { ExportOptions, Skipped } from "../options.js";
import type { Beneath } from "../programs/beneath.mjs";
import { passesHostLink, whyUnsafeLink } from "./links.js";
import { isEmpty } from "./selection/names.js";
import { describeSpecial, type Found, isReadable, walkTree } from "./selection/walk.js";
import { isTemporaryName } from "./staging.js";
import type { Target } from "./target.js";
import { currentUmask } from "./umask.js";

const operation = "exportDirectory";
// The kernel's limit, less what the name of a staging directory takes.
const MAX_PATH_BYTES = 4095 - 128;

/** One thing to put on the host. Paths are relative to the exported directory. */
export type Planned =
  | { kind: "directory"; path: Buffer; mtime: number }
  | {
      kind: "file";
      path: Buffer;
      mode: number;
      size: number;
      /** Bytes that it takes on the disk. */
      allocated: number;
      /** Of a file with several names, the same for each of them. */
      inode?: string;
      /** The host's file in its place, when it has the same size, mode and owner as the copy would. */
      twin?: Buffer;
    }
  | { kind: "symlink"; path: Buffer; target: Buffer; mtime: number };

export interface Plan {
  /** Directories before what is in them. */
  planned: Planned[];
  skipped: Skipped[];
}

/**
 * Decides what of a sandbox directory may be put on the host, and what is left out and why. Writes nothing.
 *
 * Where the host has something of another type: a file gives way to a directory, and an empty directory to a
 * file. A directory with something in it is never deleted for a file: NOT_A_FILE.
 */
export async function planExport(tree: Beneath, target: Target, options: ExportOptions): Promise<Plan> {
  const planned: Planned[] = [];
  const skipped: Skipped[] = [];
  const umask = currentUmask();
  // The directories of the export that the host has too; undefined stands for the exported one itself.
  const shared = new Set<Found | undefined>();
  if (target.missing.length === 0 && options.replace !== true) {
    checkWritable(target.path);
    shared.add(undefined);
  }
  const skip = (path: Buffer, reason: string): false => {
    skipped.push({ path: printable(path), reason });
    return false;
  };
  await walkTree(
    tree,
    { operation, include: options.include, exclude: options.exclude, signal: options.signal },
    {
      visit(found) {
        const reason = whyNot(tree, found, target, options.allowGit === true);
        if (reason !== undefined) return skip(found.path, reason);
        const item = planOne(tree, found, options.allowGit === true);
        if (item === undefined) return false;
        if (typeof item === "string") return skip(found.path, item);
        if (shared.has(found.parent)) {
          const inPlace = checkHost(item, joinBytes(target.path, found.path), umask);
          if (inPlace === "link") return skip(found.path, "the host has a symbolic link in its place");
          if (inPlace === "directory") shared.add(found);
        }
        planned.push(item);
        return true;
      },
      unreadable(path, error) {
        if (path.length === 0)
          throw hostError(error, operation, "Can't read", "the directory in the sandbox");
        skip(path, `it can't be read (${systemCode(error) ?? String(error)})`);
      },
    },
  );
  if (shared.size === 0) return { planned, skipped };
  const slices = new Slices(operation, options.signal);
  return { planned: await withoutHostLinks(planned, target.path, skip, slices), skipped };
}

function whyNot(tree: Beneath, found: Found, target: Target, allowGit: boolean): string | undefined {
  const name = baseName(found.path);
  if (!allowGit && isGitName(name)) return "it is a .git, whose hooks and config would run on the host";
  if (found.parent === undefined && isTemporaryName(name))
    return "its name is that of a temporary of forkbox";
  if (target.path.length + found.path.length > MAX_PATH_BYTES)
    return "its path would be too long for the host";
  if (found.kind === "other") return `it is ${describeSpecial(found.stat)}`;
  if (found.kind === "file" && !isReadable(tree, found)) return "it can't be read (EACCES)";
  return undefined;
}

/** What to put in place, or why it can't be; undefined when it is gone. */
function planOne(tree: Beneath, found: Found, allowGit: boolean): Planned | string | undefined {
  const { path, stat } = found;
  const mtime = seconds(stat.mtimeNs);
  if (found.kind === "directory") return { kind: "directory", path, mtime };
  if (found.kind === "symlink") {
    const target = readLink(tree, found);
    return target && (whyUnsafeLink(path, target, allowGit) ?? { kind: "symlink", path, target, mtime });
  }
  // Readable and writable by its owner, writable by nobody else, whatever the umask.
  const mode = (Number(stat.mode) & 0o755) | 0o600;
  const { size, allocated } = amountOf(stat);
  const inode = inodeOf(stat);
  return { kind: "file", path, mode, size, allocated, ...(inode !== undefined && { inode }) };
}

function readLink(tree: Beneath, { name }: Found): Buffer | undefined {
  try {
    return fs.readlinkSync(tree.place(name), { encoding: "buffer" });
  } catch (error) {
    if (isGone(error) || systemCode(error) === "EINVAL") return undefined;
    throw error;
  }
}

/** What the host has in the place of something: a directory to go into, a link, or nothing that is in the way. */
function checkHost(item: Planned, path: Buffer, umask: number | undefined): "free" | "directory" | "link" {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return "free";
  if (item.kind === "directory") {
    if (stat.isSymbolicLink()) return "link";
    if (!stat.isDirectory()) return "free";
    checkWritable(path);
    return "directory";
  }
  if (stat.isDirectory() && !isEmpty(path)) {
    const shown = printable(path);
    const message = `Can't export ${printable(item.path)}: ${shown} is a directory with something in it, which a ${item.kind} would delete. Move it away, or pass replace.`;
    throw new SandboxError("NOT_A_FILE", message, { operation, path: shown });
  }
  if (item.kind === "file" && isTwin(item, stat, umask)) item.twin = path;
  return "free";
}

/** Of a sparse file nothing is: comparing it would read its holes. */
function isTwin(file: Planned & { kind: "file" }, stat: fs.Stats, umask: number | undefined): boolean {
  if (umask === undefined || isSparse(file)) return false;
  const alike = stat.isFile() && stat.size === file.size && (stat.mode & 0o7777) === (file.mode & ~umask);
  return alike && stat.uid === process.geteuid?.();
}

function checkWritable(directory: Buffer): void {
  try {
    fs.accessSync(directory, fs.constants.W_OK | fs.constants.X_OK);
  } catch (error) {
    throw hostError(error, operation, "Can't write to", printable(directory));
  }
}

async function withoutHostLinks(
  planned: Planned[],
  host: Buffer,
  skip: (path: Buffer, reason: string) => false,
  slices: Slices,
): Promise<Planned[]> {
  const links = new Map<string, Buffer>();
  for (const item of planned)
    if (item.kind === "symlink") links.set(item.path.toString("latin1"), item.target);
  if (links.size === 0) return planned;
  const others = new Set<string>();
  for (const item of planned) {
    if (slices.due()) await slices.rest();
    if (item.kind !== "symlink") others.add(item.path.toString("latin1"));
  }
  const kept: Planned[] = [];
  for (const item of planned) {
    if (slices.due()) await slices.rest();
    if (item.kind === "symlink" && passesHostLink(host, item.path, links, others))
      skip(item.path, "it is a link that leads through a symbolic link of the host");
    else kept.push(item);
  }
  return kept;
}
