import * as fs from "node:fs";
import { SandboxError } from "../errors.js";
import { joinBytes, printable } from "./bytes.js";
import { hostError, systemCode } from "./errors.js";
import type { Slices } from "./slices.js";
import { removeStale, temporaryName } from "./staging.js";

const operation = "exportDirectory";
const { COPYFILE_EXCL, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = fs.constants;

/**
 * Moves all that is in `staged` into a host directory: what the host does not have in one rename, files over
 * the ones that are there, directories into the ones that are there. Never passes through a link.
 */
export async function placeInto(staged: Buffer, directory: Buffer, slices: Slices): Promise<void> {
  const host = new HostDirectory(directory, directory);
  try {
    await placeChildren(staged, host, slices);
  } finally {
    host.close();
  }
}

async function placeChildren(staged: Buffer, host: HostDirectory, slices: Slices): Promise<void> {
  for (const entry of fs.readdirSync(staged, { encoding: "buffer", withFileTypes: true })) {
    if (slices.due()) await slices.rest();
    const from = joinBytes(staged, entry.name);
    try {
      if (!entry.isDirectory()) await placeFile(from, host, entry.name);
      else if (placeWhole(from, host.child(entry.name))) continue;
      else await descend(from, host, entry.name, slices);
    } catch (error) {
      throw hostError(error, operation, "Can't put in place", printable(joinBytes(host.shown, entry.name)));
    }
  }
}

async function descend(from: Buffer, host: HostDirectory, name: Buffer, slices: Slices): Promise<void> {
  const child = new HostDirectory(host.child(name), joinBytes(host.shown, name));
  try {
    await placeChildren(from, child, slices);
  } finally {
    child.close();
  }
}

/** Puts a directory where there is none, over a file too; false when there is one to go into. */
function placeWhole(from: Buffer, to: Buffer): boolean {
  const there = fs.lstatSync(to, { throwIfNoEntry: false });
  if (there?.isDirectory()) return false;
  // Planning saw no link here; opening it as a directory fails without following it.
  if (there?.isSymbolicLink()) return false;
  if (there !== undefined) fs.unlinkSync(to);
  try {
    fs.renameSync(from, to);
    return true;
  } catch (error) {
    const code = systemCode(error);
    // Another export made it meanwhile.
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    if (code !== "EXDEV") throw error;
    // The host directory is on another file system than the one it is in.
    fs.mkdirSync(to, 0o755);
    return false;
  }
}

async function placeFile(from: Buffer, host: HostDirectory, name: Buffer): Promise<void> {
  try {
    renameOver(from, host.child(name));
  } catch (error) {
    if (systemCode(error) !== "EXDEV") throw error;
    await removeStale(host.path);
    const beside = host.child(Buffer.from(temporaryName()));
    try {
      copyEntry(from, beside);
      renameOver(beside, host.child(name));
    } finally {
      fs.rmSync(beside, { force: true });
    }
  }
}

function renameOver(from: Buffer, to: Buffer): void {
  try {
    fs.renameSync(from, to);
  } catch (error) {
    if (systemCode(error) !== "EISDIR") throw error;
    fs.rmdirSync(to);
    fs.renameSync(from, to);
  }
}

function copyEntry(from: Buffer, to: Buffer): void {
  if (fs.lstatSync(from).isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(from, { encoding: "buffer" }), to);
  else fs.copyFileSync(from, to, COPYFILE_EXCL);
}

/** An open directory of the host: what is done below it can't be led elsewhere by a link put in its place. */
class HostDirectory {
  readonly path: Buffer;
  readonly shown: Buffer;
  readonly #descriptor: number | undefined;

  constructor(path: Buffer, shown: Buffer) {
    this.shown = shown;
    try {
      this.#descriptor = fs.openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    } catch (error) {
      const code = systemCode(error);
      if (code !== "ELOOP" && code !== "ENOTDIR") throw error;
      const message = `Stopped the export: ${printable(shown)} is no longer a directory of the host; something replaced it meanwhile.`;
      throw new SandboxError("UNSAFE_EXPORT", message, { operation, path: printable(shown), cause: error });
    }
    // Only Linux can name what is in an open directory.
    this.path = process.platform === "linux" ? Buffer.from(`/proc/self/fd/${this.#descriptor}`) : path;
  }

  child(name: Buffer): Buffer {
    return joinBytes(this.path, name);
  }

  close(): void {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor);
  }
}
