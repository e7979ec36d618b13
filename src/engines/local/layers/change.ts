import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeFile,
  writeSync,
} from "node:fs";
import { promisify } from "node:util";
import type { Change } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { notADirectory, notAFile, notEmpty } from "../../path-errors.js";
import type { Owner } from "../holder/ids.js";
import { setAttributes } from "./descriptors.js";
import { asSandboxError, existing, refuseOutside } from "./files.js";
import { removeTree } from "./remove-tree.js";
import type { LocalSnapshot } from "./snapshots.js";
import type { Found, Tree } from "./tree.js";
import type { Trees } from "./trees.js";

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
const SMALL = 256 * 1024;
const writeAll = promisify(writeFile);

/** Whether a failure of this change leaves everything as it was, so that it may be done in place. */
export function isAtomic(changes: readonly Change[]): boolean {
  return changes.length === 1 && !(changes[0]?.kind === "delete" && changes[0].recursive);
}

/**
 * Applies such a change to a snapshot that nothing else stands on. Where its tree goes with the holder in the
 * middle of it, what was made is taken back in the next holder: only there is what it lay over hidden again.
 */
export async function changeInPlace(
  session: Trees,
  snapshot: LocalSnapshot,
  change: Change,
  owner: Owner,
): Promise<void> {
  const made: string[] = [];
  try {
    await session.withTree(snapshot, (tree) => applyChange(tree, change, owner, { made }));
  } catch (error) {
    for (let attempt = 1; made.length > 0 && attempt <= 3; attempt++)
      await session.withTree(snapshot, (tree) => takeBack(tree, made)).catch(() => {});
    throw error;
  }
}

/**
 * Applies one change to a mounted view. A write or a directory that fails leaves nothing behind; where the view is
 * gone, what it leaves is in `made`.
 */
export async function applyChange(
  tree: Tree,
  change: Change,
  owner: Owner,
  { made = [], signal }: { made?: string[]; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const operation = { write: "writeFile", delete: "deleteFile", directory: "makeDirectory" }[change.kind];
  try {
    if (change.kind === "write") await write(tree, change, owner, made);
    else if (change.kind === "delete") await remove(tree, change, signal);
    else directory(tree, change.path, owner, made);
  } catch (error) {
    const reason = asSandboxError(error, operation, change.path);
    try {
      takeBack(tree, made);
    } catch {
      // whatever took the tree away has made the change fail, too
    }
    throw reason;
  }
}

/** What a change made, given as its paths, the last first. What could not be removed stays in the list. */
function takeBack(tree: Tree, made: string[]): void {
  for (let real = made.at(-1); real !== undefined; real = made.at(-1)) {
    const stat = tree.lstat(real);
    if (stat?.isDirectory()) rmdirSync(tree.place(real));
    else if (stat) unlinkSync(tree.place(real));
    tree.forget();
    made.pop();
  }
}

async function write(
  tree: Tree,
  { path, data, mode }: Change & { kind: "write" },
  owner: Owner,
  made: string[],
): Promise<void> {
  const found = writable(tree, path, "writeFile", true);
  if (found.stat?.isDirectory()) throw notAFile(path, "writeFile");
  if (found.stat && !found.stat.isFile()) throw notAFile(path, "writeFile");
  if (!found.stat) makeMissing(tree, parentOf(found.real), owner, made);
  tree.open(parentOf(found.real));
  // Under another name first: a full disk or a kill in the middle must not leave half a file.
  const temporary = `${parentOf(found.real)}/.forkbox-${randomBytes(6).toString("hex")}`;
  made.push(temporary);
  await writeWhole(
    tree.place(temporary),
    data,
    mode ?? (found.stat ? found.stat.mode & 0o7777 : 0o644),
    owner,
  );
  // Both are in one directory, so the second place leaves the first as it is.
  renameSync(tree.place(temporary), found.place);
}

function directory(tree: Tree, path: string, owner: Owner, made: string[]): void {
  const found = writable(tree, path, "makeDirectory", true);
  if (found.stat && !found.stat.isDirectory()) throw notADirectory(path, path, "makeDirectory");
  if (!found.stat) makeMissing(tree, found.real, owner, made);
}

async function remove(
  tree: Tree,
  { path, recursive }: Change & { kind: "delete" },
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = existing(tree, path, "deleteFile", false);
  refuseReadOnly(found, path, "deleteFile");
  if (found.real === "/")
    throw new SandboxError("INVALID_ARGUMENT", "deleteFile /: the root of a sandbox can't be deleted.", {
      operation: "deleteFile",
      path,
    });
  tree.open(parentOf(found.real));
  if (!found.stat.isDirectory()) unlinkSync(found.place);
  else if (recursive) await removeTree(tree, found.real, signal);
  else removeEmpty(found, path);
}

function removeEmpty(found: Found, path: string): void {
  try {
    rmdirSync(found.place);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ENOTEMPTY" ? notEmpty(path, "deleteFile") : error;
  }
}

function writable(tree: Tree, path: string, operation: string, followLast: boolean): Found {
  const found = tree.resolve(path, operation, followLast);
  refuseOutside(found, path, operation);
  refuseReadOnly(found, path, operation);
  return found;
}

function refuseReadOnly(found: Found, path: string, operation: string): void {
  if (!found.tree.isReadOnly(found.real)) return;
  throw new SandboxError(
    "PERMISSION",
    `${operation} ${path}: this part of the base is the host's and read-only.`,
    { operation, path },
  );
}

/** Makes a directory and its missing parents, and says which in `made`, outermost first. */
function makeMissing(tree: Tree, real: string, owner: Owner, made: string[]): void {
  let at = "";
  for (const part of real.split("/").filter(Boolean)) {
    at += `/${part}`;
    if (tree.lstat(at)) continue;
    tree.open(parentOf(at));
    mkdirSync(tree.place(at));
    made.push(at);
    setAttributes(tree.place(at), 0o755, owner);
  }
}

async function writeWhole(place: Buffer, data: Uint8Array, mode: number, owner: Owner): Promise<void> {
  const fd = openSync(place, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    if (data.length > SMALL) await writeAll(fd, data);
    else for (let at = 0; at < data.length; ) at += writeSync(fd, data, at);
    if (owner) fchownSync(fd, owner.uid, owner.gid);
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}

function parentOf(real: string): string {
  return real.slice(0, real.lastIndexOf("/"));
}
