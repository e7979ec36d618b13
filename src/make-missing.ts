import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Makes a directory of the host and those missing above it; gives what it made, the topmost first. Unlike Node's own
 * `recursive`, which goes on trying for ever where a file system makes none (below /proc), stopping its caller.
 *
 * @param mode - Of each, less the umask.
 * Throws what mkdir throws.
 */
export function makeMissing(path: string, mode = 0o777): string[] {
  const missing = [resolve(path)];
  for (let at = resolve(path); !isThere(dirname(at)); at = dirname(at)) missing.unshift(dirname(at));
  return missing.filter((each) => make(each, mode));
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** False when it was there. */
function make(path: string, mode: number): boolean {
  try {
    mkdirSync(path, mode);
    return true;
  } catch (error) {
    // Perhaps only now: another process makes it, too. On a file system that is read-only, EROFS comes first.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return false;
    throw error;
  }
}
