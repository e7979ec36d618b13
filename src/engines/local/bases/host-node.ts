import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { isWithin } from "../state/places.js";

/** What the running Node needs of where it lies, which may be somebody's home. */
export interface NodeParts {
  /** Files and directories, at the place where each is. */
  paths: readonly string[];
  /** The links beside it that lead into its packages: npm, npx, corepack. */
  links: readonly { at: string; target: string }[];
}

/** Of its prefix: where global packages lie, as the official builds and Homebrew have it, and the headers. */
const DIRECTORIES = ["lib/node_modules", "libexec/lib/node_modules", "include/node"];

export function partsOfNode(isShown: (path: string) => boolean): NodeParts {
  const { execPath } = process;
  if (isShown(execPath)) return { paths: [], links: [] };
  const bin = dirname(execPath);
  const prefix = dirname(bin);
  const directories = DIRECTORIES.map((name) => join(prefix, name)).filter(
    (path) => existsSync(path) && lstatSync(path).isDirectory(),
  );
  const links = readdirSync(bin)
    .map((name) => join(bin, name))
    .filter((path) => path !== execPath && directories.some((directory) => leadsInto(path, directory)))
    .map((at) => ({ at, target: readlinkSync(at) }));
  const libraries = librariesOf(execPath).filter((path) => !isShown(realpathSync(path)));
  return { paths: [execPath, ...libraries, ...directories], links };
}

function leadsInto(link: string, directory: string): boolean {
  try {
    return lstatSync(link).isSymbolicLink() && isWithin(realpathSync(link), directory);
  } catch {
    return false; // it leads nowhere
  }
}

/** As the dynamic loader finds them, itself included: it prints them instead of starting the program (ld.so(8)). */
function librariesOf(program: string): string[] {
  const env = { LD_TRACE_LOADED_OBJECTS: "1" };
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8", env, timeout: 10_000 });
  const paths = (stdout ?? "")
    .split("\n")
    .flatMap((line) => /^\s+(?:.* => )?(\/\S.*) \(0x/.exec(line)?.[1] ?? []);
  return [...new Set(paths)].filter((path) => existsSync(path));
}
