import * as fs from "node:fs";
import { O_PATH } from "../programs/beneath.mjs";

/** Whether a directory's owner, unless it is root, may not list it, walk through it or change what is in it. */
export function isClosed({ mode }: fs.Stats): boolean {
  return (mode & 0o700) !== 0o700 && process.geteuid?.() !== 0;
}

/** Opens a directory to its owner. A link in its place is not followed. Throws what the system throws. */
export function openToOwner(place: Buffer, mode: number): void {
  if (process.platform !== "linux") {
    fs.lchmodSync(place, mode | 0o700);
    return;
  }
  // Not through the directory itself, which may not be walked through.
  const descriptor = fs.openSync(place, O_PATH | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW);
  try {
    fs.chmodSync(`/proc/self/fd/${descriptor}`, mode | 0o700);
  } finally {
    fs.closeSync(descriptor);
  }
}
