import { statSync } from "node:fs";
import { join } from "node:path";
import type { Toolchains } from "./find.js";

/**
 * For people: where on the caller's PATH a program is that a sandbox does not have, and what shows it. Undefined where
 * the caller has none either, and where `isThere` finds it in the sandbox.
 */
export function whereIsMissing(
  program: string,
  { path, found }: Toolchains,
  isThere: (path: string) => boolean,
): string | undefined {
  // What was not found, a sandbox says: it is no path, and nothing that a terminal takes for more than a word.
  if (!/^[\w@+][\w.@+-]{0,99}$/.test(program)) return undefined;
  const directory = [...path.keys()].find((each) => isProgram(join(each, program)));
  if (directory === undefined || isThere(join(directory, program))) return undefined;
  const known = found.find((each) => each.directory === directory && each.name !== undefined);
  const why = known?.whyNot === undefined ? "" : ` (${known.whyNot})`;
  return `${program} is in ${directory} on this machine, which sandboxes don't show${why}: --host-path ${directory}`;
}

function isProgram(path: string): boolean {
  try {
    const stat = statSync(path);
    return stat.isFile() && (stat.mode & 0o111) !== 0;
  } catch {
    return false;
  }
}
