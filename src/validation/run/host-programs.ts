import { access, constants, realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";

/** Sandboxes on the host's base have these as they are: what is not found there is not there. */
const SHOWN = /^\/(?:usr|bin|sbin|lib\w*|opt)(?:\/|$)/;

/**
 * Where the caller's PATH has a program that sandboxes don't show: its directory, and what would have to be shown, where
 * it is a link into another.
 */
export async function findOnPath(
  program: string,
): Promise<{ directory: string; paths: string[] } | undefined> {
  for (const directory of (process.env.PATH ?? "").split(":")) {
    if (!isAbsolute(directory) || SHOWN.test(directory)) continue;
    const path = join(directory, program);
    if (!(await isProgram(path))) continue;
    const real = dirname(await realpath(path));
    const within = real === directory || real.startsWith(`${directory}/`) || SHOWN.test(real);
    return { directory, paths: within ? [directory] : [directory, real] };
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
