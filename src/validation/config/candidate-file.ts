import { constants } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";
import { SandboxError } from "../../errors.js";
import { isGone } from "../../files/errors.js";
import { invalid } from "./invalid.js";

/** No manifest needs more; reading as much takes some milliseconds. */
const MOST_BYTES = 1024 * 1024;

/**
 * A text file of an unreviewed project, or undefined where there is none. Never through a link, which could
 * point at any file of the host, and never from a pipe or device, which could block for ever.
 *
 * @throws SandboxError INVALID_ARGUMENT for what is no regular file, has more than `most` bytes, or can't be read.
 */
export async function readCandidateFile(path: string, most = MOST_BYTES): Promise<string | undefined> {
  return withFile(path, async (file, size) => {
    if (size <= most) return read(file, most);
    throw invalid(`${path} has ${size} bytes; at most ${most} are read`, { path });
  });
}

/** Whether there is such a file, whatever its size. Throws for what is no regular file. */
export async function hasCandidateFile(path: string): Promise<boolean> {
  try {
    if ((await lstat(path)).isFile()) return true;
  } catch (cause) {
    if (isGone(cause)) return false;
    throw unreadable(path, cause);
  }
  throw notRegular(path);
}

async function withFile<T>(
  path: string,
  use: (file: FileHandle, size: number) => Promise<T>,
): Promise<T | undefined> {
  if (!(await hasCandidateFile(path))) return undefined;
  try {
    // The name may have been changed into a link or a pipe since.
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (stat.isFile()) return await use(file, stat.size);
  } catch (cause) {
    if (cause instanceof SandboxError) throw cause;
    throw unreadable(path, cause);
  }
  throw notRegular(path);
}

async function read(file: FileHandle, length: number): Promise<string> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  for (let bytesRead = -1; bytesRead !== 0 && filled < length; filled += bytesRead)
    ({ bytesRead } = await file.read(buffer, filled, length - filled));
  return buffer.toString("utf8", 0, filled);
}

function notRegular(path: string) {
  return invalid(`${path} must be a regular file, not a link or a device`, { path });
}

function unreadable(path: string, cause: unknown) {
  return invalid(`can't read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    path,
    cause,
  });
}
