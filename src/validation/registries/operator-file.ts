import { open } from "node:fs/promises";
import { homedir } from "node:os";
import { invalid } from "../config/invalid.js";

/** It reaches commands in a variable, of which Linux takes no more than 128 KiB. */
const MOST_BYTES = 48 * 1024;

/** Who asks, as their own tools would see them. */
export interface Caller {
  env: Readonly<Record<string, string | undefined>>;
  home: string;
}

export const caller: Caller = { env: process.env, home: homedir() };

/**
 * A settings file of the operator's own, wherever it lies; undefined where there is none.
 *
 * @throws SandboxError INVALID_ARGUMENT for what is no text file of at most 48 KiB, or can't be read.
 */
export async function readOperatorFile(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path);
    const stat = await file.stat();
    if (!stat.isFile()) throw new Error("it is no regular file");
    if (stat.size > MOST_BYTES) throw new Error(`it has ${stat.size} bytes; at most ${MOST_BYTES} are read`);
    const text = await file.readFile("utf8");
    if (text.includes("\0")) throw new Error("it has a NUL byte in it, so it is no text");
    return text.replace(/\r\n?/g, "\n");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw invalid(`validate: can't read the registry settings in ${path}: ${message}`, { path, cause });
  }
}
