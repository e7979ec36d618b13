import { chmodSync, closeSync, constants, fstatSync, openSync } from "node:fs";
import { O_PATH } from "../../../programs/beneath.mjs";

/**
 * What sandboxed code has closed to its own user, opened while forkbox works on it. File operations are the
 * operator's: they reach whatever is in a snapshot, as root's forkbox does by itself. An ordinary caller is the
 * sandbox's user and owns all of it, so it may change the modes, and changes them back.
 */
export class Opened {
  #changed: { fd: number; mode: number }[] = [];

  /** Lets its owner read and write a file, search a directory. What is not there stays so. */
  open(place: Buffer): void {
    const fd = openSync(place, O_PATH | constants.O_NOFOLLOW);
    const stat = fstatSync(fd);
    const bits = stat.isDirectory() ? 0o700 : 0o600;
    if (stat.isSymbolicLink() || (stat.mode & bits) === bits) closeSync(fd);
    else {
      this.#changed.push({ fd, mode: stat.mode & 0o7777 });
      chmodSync(`/proc/self/fd/${fd}`, (stat.mode & 0o7777) | bits);
    }
  }

  /** As it was, the last first. */
  close(): void {
    for (const { fd, mode } of this.#changed.reverse()) {
      if (fstatSync(fd).nlink > 0) chmodSync(`/proc/self/fd/${fd}`, mode);
      closeSync(fd);
    }
    this.#changed = [];
  }
}
