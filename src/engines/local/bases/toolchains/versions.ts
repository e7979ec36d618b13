import { join } from "node:path";
import { textOf } from "./read.js";

/** Every part that is shown is a mount of every command. */
const MOST = 4;

/**
 * Of paths below a manager's root those of at most some of its `versions/`: what the caller has chosen for everything, by
 * a variable or its file `version`, and the newest. An operator shows others by --host-path.
 */
export function ofFewVersions(root: string, paths: readonly string[], chosen: string | undefined): string[] {
  const start = `${join(root, "versions")}/`;
  const versionOf = (path: string) =>
    path.startsWith(start) ? path.slice(start.length).split("/")[0] : undefined;
  const versions = [...new Set(paths.flatMap((path) => versionOf(path) ?? []))];
  if (versions.length <= MOST) return [...paths];
  const wanted = `${chosen ?? ""}:${textOf(join(root, "version")).slice(0, 4096)}`
    .split(/[\s:]+/)
    .filter(Boolean);
  const isWanted = (version: string) =>
    wanted.some((each) => version === each || version.startsWith(`${each}.`));
  const newestFirst = [...versions].sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  const inOrder = new Set([...newestFirst.filter(isWanted), ...newestFirst]);
  const kept = new Set([...inOrder].slice(0, MOST));
  return paths.filter((path) => kept.has(versionOf(path) ?? "") || versionOf(path) === undefined);
}
