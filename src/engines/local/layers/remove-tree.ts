import { type Dir, opendirSync, rmdirSync, unlinkSync } from "node:fs";
import { isClosed, openToOwner } from "../../../files/closed.js";
import { Slices } from "../../../files/slices.js";
import type { Tree } from "./tree.js";

/** Removes a directory of a view with all that is in it, in slices, so that nothing waits for it. */
export async function removeTree(tree: Tree, top: string, signal: AbortSignal | undefined): Promise<void> {
  const slices = new Slices("deleteFile", signal);
  const pending = [top];
  for (let directory = pending.at(-1); directory !== undefined; directory = pending.at(-1)) {
    const directories = await removeFiles(tree, directory, slices);
    if (directories.length > 0) {
      pending.push(...directories);
      continue; // it is empty when they are gone
    }
    rmdirSync(tree.place(directory));
    tree.forget(directory);
    pending.pop();
  }
}

/** Gives the directories that it leaves. */
async function removeFiles(tree: Tree, directory: string, slices: Slices): Promise<string[]> {
  const left: string[] = [];
  const listing = open(tree, directory);
  try {
    for (let entry = listing.readSync(); entry; entry = listing.readSync()) {
      if (slices.due()) await slices.rest();
      const path = `${directory}/${entry.name}`;
      try {
        unlinkSync(tree.place(path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EISDIR") throw error;
        left.push(path);
      }
    }
  } finally {
    listing.closeSync();
  }
  return left;
}

/** An ordinary caller's sandbox may have closed it to its own user, whom nothing keeps from opening it. */
function open(tree: Tree, directory: string): Dir {
  const stat = tree.lstat(directory);
  if (stat && isClosed(stat)) openToOwner(tree.place(directory), stat.mode & 0o7777);
  const options = { encoding: "latin1" as BufferEncoding, bufferSize: 512 };
  return opendirSync(tree.directory(directory), options);
}
