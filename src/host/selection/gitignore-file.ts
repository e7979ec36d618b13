import * as fs from "node:fs";
import { SandboxError } from "../../errors.js";
import { printable } from "../../files/bytes.js";
import { openRegular } from "../git/read-regular.js";

const MOST_BYTES = 1024 * 1024;

/**
 * What is in a `.gitignore` at a place, which messages call by its path; undefined where that is no regular file: like
 * git, it does not follow a link. Throws what the system throws.
 *
 * @throws SandboxError LIMIT for a file over 1 MiB.
 */
export function readIgnoreFile(place: Buffer, path: Buffer, operation: string): Buffer | undefined {
  const descriptor = openRegular(place);
  if (descriptor === undefined) return undefined;
  try {
    const stat = fs.fstatSync(descriptor);
    if (!stat.isFile()) return undefined;
    const buffer = Buffer.allocUnsafe(Math.min(stat.size, MOST_BYTES) + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read)
      read = fs.readSync(descriptor, buffer, length, buffer.length - length, null);
    if (length <= MOST_BYTES) return buffer.subarray(0, length);
  } finally {
    fs.closeSync(descriptor);
  }
  const shown = printable(path);
  const message = `${operation}: ${shown} is larger than 1 MiB, which no .gitignore needs.`;
  throw new SandboxError("LIMIT", message, { operation, path: shown });
}
