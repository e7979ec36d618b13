import { constants, type Stats } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { invalid } from "./invalid.js";

const mostBytes = 16 * 1024 * 1024;

/**
 * A text file of an unreviewed project, or undefined where there is none. Never through a link, which could
 * point at any file of the host, and never from a pipe or device, which could block for ever.
 */
export async function readCandidateFile(path: string): Promise<string | undefined> {
  let found: Stats;
  try {
    found = await lstat(path);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw invalid(`can't read ${path}: ${reasonOf(cause)}`, { path, cause });
  }
  if (!found.isFile()) throw invalid(`${path} must be a regular file, not a link or a device`, { path });
  if (found.size > mostBytes)
    throw invalid(`${path} has ${found.size} bytes; at most ${mostBytes} are read`, { path });
  try {
    // The name may have been changed into a link since: without O_NOFOLLOW this would follow it.
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    return await file.readFile("utf8");
  } catch (cause) {
    throw invalid(`can't read ${path}: ${reasonOf(cause)}`, { path, cause });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
