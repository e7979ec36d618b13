import { chmodSync, chownSync, closeSync, constants, fstatSync, openSync, type Stats } from "node:fs";
import { O_PATH } from "../../../programs/beneath.mjs";
import type { Owner } from "../holder/ids.js";

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Opens a regular file for reading; undefined where there is something else by now, which is neither followed nor waited for. */
export function openRegular(place: Buffer): { fd: number; stat: Stats } | undefined {
  const fd = openSync(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, stat };
  closeSync(fd);
  return undefined;
}

/** Mode and owner of what is at a place, which may be closed to its owner, and is not followed. */
export function setAttributes(place: Buffer, mode: number, owner: Owner): void {
  const fd = openSync(place, O_PATH | O_NOFOLLOW);
  try {
    const itself = `/proc/self/fd/${fd}`;
    if (owner) chownSync(itself, owner.uid, owner.gid);
    chmodSync(itself, mode);
  } finally {
    closeSync(fd);
  }
}
