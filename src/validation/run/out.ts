import { lstat, realpath } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { invalid } from "../config/invalid.js";

/**
 * Refuses a host path to write to that is a project itself or holds one, or that leads through a link which a
 * project brought: `forkbox-out -> ~/.ssh` would send its artifacts there.
 */
export async function checkOutput(path: string, directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    const inside = relativeInside(path, directory);
    if (relativeInside(directory, path) !== undefined) {
      throw invalid(
        `can't write to ${path}: the project ${directory} is there. Name a directory of its own with --out.`,
        { path },
      );
    }
    let at = directory;
    for (const part of inside?.split(sep) ?? []) {
      at = join(at, part);
      const found = await lstat(at).catch(() => undefined);
      if (found?.isSymbolicLink() === true) {
        throw invalid(
          `can't write to ${path}: ${at} is a link that the project brought. Remove it, or name another place.`,
          { path },
        );
      }
    }
  }
}

/** Whether a file is in a directory, links resolved. */
export async function isWithin(file: string, directory: string): Promise<boolean> {
  const [real, parent] = await Promise.all([realpath(file), realpath(directory)]);
  return relativeInside(real, parent) !== undefined || relativeInside(resolve(file), directory) !== undefined;
}

/** The glob, relative to the directory, of a path in it; none for a path elsewhere. */
export function withinGlob(path: string, directory: string): string[] {
  const inside = relativeInside(path, directory);
  return inside === undefined || inside === "" ? [] : [inside.replace(/[*?[\]{}()!+@\\]/g, "\\$&")];
}

/** Undefined when the path is not the directory or something in it; "" when it is the directory. */
function relativeInside(path: string, directory: string): string | undefined {
  const way = relative(directory, path);
  return way === ".." || way.startsWith(`..${sep}`) ? undefined : way;
}
