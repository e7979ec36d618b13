import { realpath, stat } from "node:fs/promises";
import { basename } from "node:path";
import { invalid } from "./config/invalid.js";

/** With its links resolved: what is in it can then be told by its path. */
export async function realDirectory(directory: string): Promise<string> {
  const fail = (why: string, cause?: unknown) =>
    invalid(`can't validate ${directory}: ${why}`, { path: directory, cause });
  const real = await realpath(directory).catch((cause: unknown) => {
    throw fail("there is no such directory", cause);
  });
  if (!(await stat(real)).isDirectory()) throw fail("it is not a directory");
  return real;
}

/** The last part of each path; the second of a name gets -2, and so on. */
export function uniqueNames(directories: readonly string[]): string[] {
  const taken = new Set<string>();
  return directories.map((directory) => {
    const name = basename(directory) || "root";
    let unique = name;
    for (let count = 2; taken.has(unique); count++) unique = `${name}-${count}`;
    taken.add(unique);
    return unique;
  });
}
