import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fchownSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import type { Owner } from "./ids.js";

const { COPYFILE_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
// What took a file's place since it was listed must not be followed, nor hang.
const READ_ONLY_FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
const SMALL = 256 * 1024;
const buffer = Buffer.allocUnsafeSlow(SMALL);

/**
 * Copies a host file to a path that nothing is at. Most are small: one read, one write and no path walked
 * twice take half as long as copyFile, chmod and chown.
 */
export function copyHostFile(from: Buffer, to: Buffer, mode: number, owner: Owner): void {
  const length = readSmall(from);
  if (length === undefined) {
    copyFileSync(from, to, COPYFILE_EXCL);
    chmodSync(to, mode);
    if (owner) chownSync(to, owner.uid, owner.gid);
    return;
  }
  const file = openSync(to, "wx", 0o600);
  try {
    for (let at = 0; at < length; ) at += writeSync(file, buffer, at, length - at);
    fchmodSync(file, mode); // whatever the umask
    if (owner) fchownSync(file, owner.uid, owner.gid);
  } finally {
    closeSync(file);
  }
}

/** Reads a file into the buffer; undefined when it does not fit. */
function readSmall(path: Buffer): number | undefined {
  const file = openSync(path, READ_ONLY_FILE);
  try {
    const length = readSync(file, buffer, 0, SMALL, 0);
    return length < SMALL ? length : undefined;
  } finally {
    closeSync(file);
  }
}
