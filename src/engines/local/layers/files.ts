import { closeSync, opendirSync, read, readFile, readFileSync, readSync, type Stats } from "node:fs";
import { promisify } from "node:util";
import type { ByteRange, Entry } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { kindOf } from "../../../files/kind.js";
import { Slices } from "../../../files/slices.js";
import { notADirectory, notAFile, notFound, tooLong } from "../../path-errors.js";
import { openRegular } from "./descriptors.js";
import { bytes, type Found, type Tree } from "./tree.js";

/** Below this a read on the calling thread is quicker than a trip to the thread pool. */
const SMALL = 256 * 1024;
const SORTED_AT_ONCE = 4096;
/** Node reads no larger file at once. */
const LARGEST = 2 ** 31 - 1;
const readAll = promisify(readFile);
const readAt = promisify(read);

export async function readFromTree(tree: Tree, path: string, range?: ByteRange): Promise<Uint8Array> {
  const found = existing(tree, path, "readFile", true);
  if (!found.stat.isFile()) throw notAFile(path, "readFile");
  tree.requireOthers(found.real, found.stat, 0o004, path, "readFile");
  tree.open(found.real);
  return guard("readFile", path, async () => {
    const opened = openRegular(found.place);
    if (!opened) throw notAFile(path, "readFile");
    try {
      if (range) return await readPart(opened.fd, opened.stat.size, range);
      if (opened.stat.size > LARGEST) throw tooLarge(path, opened.stat.size);
      return opened.stat.size < SMALL ? readFileSync(opened.fd) : await readAll(opened.fd);
    } finally {
      closeSync(opened.fd);
    }
  });
}

async function readPart(fd: number, size: number, { offset, length }: ByteRange): Promise<Uint8Array> {
  const part = Buffer.alloc(Math.max(0, Math.min(length, size - offset, LARGEST)));
  let at = 0;
  while (at < part.length) {
    const [left, position] = [part.length - at, offset + at];
    const got =
      part.length < SMALL
        ? readSync(fd, part, at, left, position)
        : (await readAt(fd, part, at, left, position)).bytesRead;
    if (got === 0) break;
    at += got;
  }
  return part.subarray(0, at);
}

function tooLarge(path: string, size: number): SandboxError {
  const message = `readFile ${path}: it has ${size} bytes, holes included, and readFile takes ${LARGEST} at most. Read it in parts, with a range or as a stream.`;
  return new SandboxError("LIMIT", message, { operation: "readFile", path });
}

export async function listTree(tree: Tree, path: string, signal?: AbortSignal): Promise<Entry[]> {
  const found = existing(tree, path, "listDirectory", false);
  if (!found.stat.isDirectory()) throw notADirectory(path, path, "listDirectory");
  tree.requireOthers(found.real, found.stat, 0o004, path, "listDirectory");
  const prefix = found.real === "/" ? "" : found.real;
  tree.open(found.real);
  return guard("listDirectory", path, async () => {
    const slices = new Slices("listDirectory", signal);
    const entries: Entry[] = [];
    for (const name of await sorted(await namesIn(tree.directory(found.real), slices), slices)) {
      if (slices.due()) await slices.rest();
      const stat = tree.lstat(`${prefix}/${name}`);
      if (stat) entries.push(entryOf(bytes(name).toString("utf8"), stat));
    }
    return entries;
  });
}

async function namesIn(place: Buffer, slices: Slices): Promise<string[]> {
  const names: string[] = [];
  const listing = opendirSync(place, { encoding: "latin1" as BufferEncoding, bufferSize: 512 });
  try {
    for (let entry = listing.readSync(); entry; entry = listing.readSync()) {
      if (slices.due()) await slices.rest();
      names.push(entry.name);
    }
  } finally {
    listing.closeSync();
  }
  return names;
}

/** In pieces that hold up nobody: a directory may have as many names as the disk takes. */
async function sorted(names: readonly string[], slices: Slices): Promise<string[]> {
  let runs: string[][] = [];
  for (let at = 0; at < names.length; at += SORTED_AT_ONCE) {
    if (slices.due()) await slices.rest();
    runs.push(names.slice(at, at + SORTED_AT_ONCE).sort());
  }
  while (runs.length > 1) {
    const merged: string[][] = [];
    for (let at = 0; at < runs.length; at += 2)
      merged.push(await mergedRuns(runs[at] as string[], runs[at + 1] ?? [], slices));
    runs = merged;
  }
  return runs[0] ?? [];
}

async function mergedRuns(a: string[], b: string[], slices: Slices): Promise<string[]> {
  const merged: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (merged.length % 1024 === 0 && slices.due()) await slices.rest();
    const [left, right] = [a[i], b[j]];
    if (right === undefined || (left !== undefined && left <= right)) {
      merged.push(left as string);
      i++;
    } else {
      merged.push(right);
      j++;
    }
  }
  return merged;
}

export async function statTree(tree: Tree, path: string): Promise<Entry | undefined> {
  let found: Found;
  try {
    found = tree.resolve(path, "stat", false);
  } catch (error) {
    if (error instanceof SandboxError && (error.code === "NOT_FOUND" || error.code === "NOT_A_DIRECTORY"))
      return undefined;
    throw error;
  }
  if (!found.stat) return undefined;
  return entryOf(path === "/" ? "/" : path.slice(path.lastIndexOf("/") + 1), found.stat);
}

/** A resolved path that is there and in the snapshot. */
export function existing(
  tree: Tree,
  path: string,
  operation: string,
  followLast: boolean,
): Found & { stat: Stats } {
  const found = tree.resolve(path, operation, followLast);
  refuseOutside(found, path, operation);
  if (!found.stat) throw notFound(path, operation);
  return found as Found & { stat: Stats };
}

export function refuseOutside(found: Found, path: string, operation: string): void {
  if (!found.tree.isOutside(found.real)) return;
  throw new SandboxError(
    "UNSUPPORTED",
    `${operation} ${path}: /proc, /dev and caches are in no snapshot; only commands see them.`,
    { operation, path },
  );
}

/** Errors of the file system as ours. */
export async function guard<T>(operation: string, path: string, act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw asSandboxError(error, operation, path);
  }
}

export function asSandboxError(error: unknown, operation: string, path: string): SandboxError {
  if (error instanceof SandboxError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const fail = (as: ConstructorParameters<typeof SandboxError>[0], text: string) =>
    new SandboxError(as, `${operation} ${path}: ${text}`, { operation, path, cause: error });
  if (code === "ENOSPC" || code === "EDQUOT")
    return fail(
      "LIMIT",
      "the disk that holds forkbox's state is full; nothing was changed. Free some space, or set FORKBOX_STATE_DIR to a larger disk.",
    );
  if (code === "EMFILE" || code === "ENFILE")
    return fail(
      "LIMIT",
      `too many files are open (${code}); nothing was changed. Raise the limit of open files, \`ulimit -n\`${code === "ENFILE" ? " and the machine's own, `sysctl fs.file-max`" : ""}, or use fewer sandboxes at once.`,
    );
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return fail("PERMISSION", `permission denied (${code}).`);
  if (code === "ENAMETOOLONG") return tooLong(path, operation, error);
  if (code === "ENOENT") return fail("NOT_FOUND", "there is no such file or directory in the sandbox.");
  return fail("ENGINE_ERROR", message ?? String(error));
}

function entryOf(name: string, stat: Stats): Entry {
  const { size, mode, mtimeMs } = stat;
  return { name, type: kindOf(stat), size, mode: mode & 0o7777, mtimeMs };
}
