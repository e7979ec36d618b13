import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { dirname, relative } from "node:path";
import { Beneath } from "../../../programs/beneath.mjs";
import { size } from "../words.js";

/**
 * What a step printed, in at most so many bytes: its start and its end. Undefined where it can't be read. The last
 * `parts` of its path are those that a project could have brought a link for: CANDIDATE/STEP/output.log.
 */
export function readLog(path: string, parts: number, most: number): string | undefined {
  let root = path;
  for (let i = 0; i < parts; i++) root = dirname(root);
  const below = new Beneath(root);
  try {
    const place = below.place(Buffer.from(relative(root, path)).toString("latin1"));
    return readBounded(place, most);
  } catch {
    // It is told where it should be; nothing else of the report depends on it.
    return undefined;
  } finally {
    below.close();
  }
}

function readBounded(place: Buffer, most: number): string | undefined {
  const fd = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return undefined;
    if (stat.size <= most) return readAt(fd, 0, stat.size).toString();
    const half = Math.floor(most / 2);
    const start = readAt(fd, 0, half)
      .toString()
      .replace(/[^\n]*$/, "");
    const end = readAt(fd, stat.size - half, half)
      .toString()
      .replace(/^[^\n]*\n/, "");
    return `${start}[forkbox: of ${size(stat.size)} the middle is left out of this page; the file has it]\n${end}`;
  } finally {
    closeSync(fd);
  }
}

/** Less where the file has become shorter. */
export function readAt(fd: number, from: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  for (let read = -1; read !== 0 && filled < length; filled += read)
    read = readSync(fd, buffer, filled, length - filled, from + filled);
  return buffer.subarray(0, filled);
}
