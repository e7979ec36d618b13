import * as fs from "node:fs";
import { promisify } from "node:util";
import { SandboxError } from "../errors.js";
import { joinBytes, printable } from "../files/bytes.js";
import { DataCopier } from "../files/copy-data.js";
import { hostError, systemCode } from "../files/errors.js";
import type { Slices } from "../files/slices.js";
import { seconds } from "../files/times.js";
import { Beneath } from "../programs/beneath.mjs";
import { readNames } from "./selection/names.js";
import { removeStale, temporaryName } from "./staging.js";

const operation = "exportDirectory";
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;
/** The disk may have to write a file of this size, or free it, before a rename over another is done. */
const LARGE = 1024 * 1024;
const renameLater = promisify(fs.rename);

interface Place {
  staged: Beneath;
  host: Beneath;
  /** The host's directory, for messages. */
  shown: Buffer;
  slices: Slices;
}

/**
 * Moves all that is in `staged` into a host directory: what the host does not have in one rename, files over
 * the ones that are there, directories into the ones that are there. Never passes through a link.
 */
export async function placeInto(staged: Buffer, directory: Buffer, slices: Slices): Promise<void> {
  const trees = [new Beneath(staged), new Beneath(directory)] as const;
  try {
    const [from, host] = trees;
    await placeChildren({ staged: from, host, shown: directory, slices }, "");
  } finally {
    for (const tree of trees) tree.close();
  }
}

async function placeChildren(place: Place, directory: string): Promise<void> {
  const { staged, slices, shown } = place;
  for (const name of await readNames(staged, directory)) {
    if (slices.due()) await slices.rest();
    const path = directory + name;
    try {
      const stat = fs.lstatSync(staged.place(path), { bigint: true });
      if (!stat.isDirectory()) await placeFile(place, path, stat);
      else if (!placeWhole(place, path)) await descend(place, path);
    } catch (error) {
      throw cantPlace(error, joinBytes(shown, Buffer.from(path, "latin1")));
    }
  }
}

async function descend(place: Place, path: string): Promise<void> {
  // Fails where something took the directory's place.
  place.host.place(`${path}/`);
  await placeChildren(place, `${path}/`);
}

/** Puts a directory where there is none, over a file too; false when there is one to go into. */
function placeWhole({ staged, host }: Place, path: string): boolean {
  const there = fs.lstatSync(host.place(path), { throwIfNoEntry: false });
  if (there?.isDirectory()) return false;
  // Planning saw no link here; opening it as a directory fails without following it.
  if (there?.isSymbolicLink()) return false;
  if (there !== undefined) fs.unlinkSync(host.place(path));
  try {
    fs.renameSync(staged.place(path), host.place(path));
    return true;
  } catch (error) {
    const code = systemCode(error);
    // Another export made it meanwhile.
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    if (code !== "EXDEV") throw error;
    // The host directory is on another file system than the one it is in.
    fs.mkdirSync(host.place(path), 0o755);
    return false;
  }
}

async function placeFile(place: Place, path: string, stat: fs.BigIntStats): Promise<void> {
  const { staged, host, shown } = place;
  try {
    await renameOver(staged.place(path), host, path, Number(stat.size));
  } catch (error) {
    if (systemCode(error) !== "EXDEV") throw error;
    const directory = path.slice(0, path.lastIndexOf("/") + 1);
    await removeStale(joinBytes(shown, Buffer.from(directory, "latin1")));
    const beside = directory + temporaryName();
    try {
      await copyEntry(place, path, beside, stat);
      await renameOver(host.place(beside), host, path, Number(stat.size));
    } finally {
      fs.rmSync(host.place(beside), { force: true });
    }
  }
}

/** Neither tree is asked for another place before this is done. */
async function renameOver(from: Buffer, host: Beneath, path: string, size: number): Promise<void> {
  const to = host.place(path);
  const there = fs.lstatSync(to, { throwIfNoEntry: false });
  if (there?.isDirectory()) fs.rmdirSync(to);
  if (there?.isFile() && (size > LARGE || there.size > LARGE)) await renameLater(from, to);
  else fs.renameSync(from, to);
}

async function copyEntry({ staged, host, slices }: Place, from: string, to: string, stat: fs.BigIntStats) {
  if (stat.isSymbolicLink()) {
    const target = fs.readlinkSync(staged.place(from), { encoding: "buffer" });
    fs.symlinkSync(target, host.place(to));
    return fs.lutimesSync(host.place(to), seconds(stat.atimeNs), seconds(stat.mtimeNs));
  }
  const data = new DataCopier(slices);
  const source = fs.openSync(staged.place(from), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  let sink: number | undefined;
  try {
    const mode = Number(stat.mode) & 0o777;
    sink = fs.openSync(host.place(to), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    const raw = { reading: (error: unknown) => error, writing: (error: unknown) => error };
    await data.copy(source, sink, stat, raw);
    fs.futimesSync(sink, seconds(stat.atimeNs), seconds(stat.mtimeNs));
  } finally {
    fs.closeSync(source);
    if (sink !== undefined) fs.closeSync(sink);
    await data.close();
  }
}

function cantPlace(error: unknown, path: Buffer): SandboxError {
  const shown = printable(path);
  const code = systemCode(error);
  if (code !== "ELOOP" && code !== "ENOTDIR") return hostError(error, operation, "Can't put in place", shown);
  const message = `Stopped the export: ${shown} is no longer in a directory of the host, or no longer one; something replaced it meanwhile.`;
  return new SandboxError("UNSAFE_EXPORT", message, { operation, path: shown, cause: error });
}
