import * as fs from "node:fs";
import { promisify } from "node:util";
import { isClosed, openToOwner } from "../files/closed.js";
import { systemCode } from "../files/errors.js";
import type { Slices } from "../files/slices.js";
import { Beneath } from "../programs/beneath.mjs";
import { readNames } from "./selection/names.js";

/** Freeing what a larger file takes may keep the disk busy for a while. */
const LARGE = 16 * 1024 * 1024;
const unlinkLater = promisify(fs.unlink);

/**
 * Removes a file, a link or a directory with all that is in it, also where its owner may not write to it; nothing there
 * is fine. Several times as fast as the promises of `rm`, and still lets the event loop run. Throws what the system
 * throws.
 */
export async function removeTree(path: Buffer, slices: Slices): Promise<void> {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory()) return removeFile(path, stat);
  if (isClosed(stat)) openToOwner(path, stat.mode & 0o777);
  const tree = new Beneath(path);
  try {
    await removeContent(tree, "", slices);
  } finally {
    tree.close();
  }
  fs.rmdirSync(path);
}

async function removeContent(tree: Beneath, directory: string, slices: Slices): Promise<void> {
  for (const name of await readNames(tree, directory)) {
    if (slices.due()) await slices.rest();
    const path = directory + name;
    const stat = fs.lstatSync(tree.place(path), { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (!stat.isDirectory()) {
      await removeFile(tree.place(path), stat);
      continue;
    }
    if (isClosed(stat)) openToOwner(tree.place(path), stat.mode & 0o777);
    await removeContent(tree, `${path}/`, slices);
    fs.rmdirSync(tree.place(path));
  }
}

/** Of the place nothing else is asked until it is gone. */
async function removeFile(place: Buffer, { size }: fs.Stats): Promise<void> {
  try {
    if (size < LARGE) fs.unlinkSync(place);
    else await unlinkLater(place);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}
