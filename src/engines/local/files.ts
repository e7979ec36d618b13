import { readdirSync, readFileSync, type Stats } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Entry } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { kindOf } from "../../host/kind.js";
import { notADirectory, notAFile, notFound } from "../path-errors.js";
import { bytes, type Found, type Tree } from "./tree.js";

/** Below this a read on the calling thread is quicker than a trip to the thread pool. */
const SMALL = 256 * 1024;

export async function readFromTree(tree: Tree, path: string): Promise<Uint8Array> {
  const found = existing(tree, path, "readFile", true);
  if (!found.stat.isFile()) throw notAFile(path, "readFile");
  tree.requireOthers(found.real, found.stat, 0o004, path, "readFile");
  tree.open(found.real);
  return guard("readFile", path, () =>
    found.stat.size < SMALL ? readFileSync(found.host) : readFile(found.host),
  );
}

export async function listTree(tree: Tree, path: string): Promise<Entry[]> {
  const found = existing(tree, path, "listDirectory", false);
  if (!found.stat.isDirectory()) throw notADirectory(path, path, "listDirectory");
  tree.requireOthers(found.real, found.stat, 0o004, path, "listDirectory");
  const prefix = found.real === "/" ? "" : found.real;
  tree.open(found.real);
  return guard("listDirectory", path, () =>
    readdirSync(found.host, { encoding: "latin1" })
      .sort()
      .map((name) => ({ name, stat: tree.lstat(`${prefix}/${name}`) }))
      .filter((entry): entry is { name: string; stat: Stats } => entry.stat !== undefined)
      .map(({ name, stat }) => entryOf(bytes(name).toString("utf8"), stat)),
  );
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
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return fail("PERMISSION", `permission denied (${code}).`);
  if (code === "ENAMETOOLONG")
    return fail("INVALID_ARGUMENT", "the name is longer than the file system takes (255 bytes a part).");
  if (code === "ENOENT") return fail("NOT_FOUND", "there is no such file or directory in the sandbox.");
  return fail("ENGINE_ERROR", message ?? String(error));
}

function entryOf(name: string, stat: Stats): Entry {
  return { name, type: kindOf(stat), size: stat.size, mode: stat.mode & 0o7777 };
}
