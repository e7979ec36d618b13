import * as fs from "node:fs";
import { promisify } from "node:util";
import { isGone, systemCode } from "../../files/errors.js";

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = fs.constants;
const CHUNK = 1024 * 1024;
const read = promisify(fs.read);

/**
 * All of a regular file; undefined where there is none, a link included, and `"larger"` for one of more bytes than
 * `most`. Throws what the system throws.
 */
export async function readRegular(place: Buffer, most: number): Promise<Buffer | "larger" | undefined> {
  let descriptor: number | undefined;
  try {
    descriptor = openRegular(place);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  if (descriptor === undefined) return undefined;
  try {
    const stat = fs.fstatSync(descriptor);
    if (!stat.isFile()) return undefined;
    if (stat.size > most) return "larger";
    const buffer = Buffer.allocUnsafe(stat.size);
    let length = 0;
    while (length < buffer.length) {
      const part = Math.min(CHUNK, buffer.length - length);
      const { bytesRead } = await read(descriptor, buffer, length, part, null);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Undefined for a link and a socket. It follows no link, and waits for no writer of a pipe. */
export function openRegular(place: Buffer): number | undefined {
  try {
    return fs.openSync(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === "ELOOP" || systemCode(error) === "ENXIO") return undefined;
    throw error;
  }
}
