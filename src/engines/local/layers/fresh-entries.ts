import { lstatSync, type Stats } from "node:fs";
import type { ImportEntry, ImportPlan } from "../../../engine.js";
import type { Slices } from "../../../files/slices.js";
import { Beneath } from "../../../programs/beneath.mjs";
import type { LocalImportRecord } from "./import-record.js";
import { look } from "./layer-writer.js";
import type { LocalSnapshot } from "./snapshots.js";
import type { Tree } from "./tree.js";

/**
 * What is not the same on the host as at the last import, or was touched in the sandbox since. Where one name of a file
 * is, all of its names are: else they would be two files.
 *
 * @param unchanged - Nothing has touched the sandbox since.
 */
export async function freshEntries(
  tree: Tree,
  from: LocalSnapshot,
  to: string,
  plan: ImportPlan,
  previous: LocalImportRecord | undefined,
  unchanged: boolean,
  slices: Slices,
): Promise<readonly ImportEntry[]> {
  if (!previous?.layers) return plan.entries;
  const layers = previous.layers.filter((layer) => from.layers.includes(layer));
  const ours = layers.map((layer) => new Beneath(layer.path));
  const shownAt = unresolved(tree, to);
  const isFresh = ({ path, stamp, type, mode }: ImportEntry): boolean => {
    const name = path.toString("latin1");
    if (previous.stamps.get(name) !== stamp) return true;
    if (unchanged) return false;
    const shown = shownAt(name);
    if (type === "directory") return !shown?.isDirectory() || (shown.mode & 0o7777) !== mode;
    const brought = firstOf(ours, inside(to, name));
    return !shown || !brought || !same(shown, brought);
  };
  try {
    const fresh = new Set<ImportEntry>();
    const inodes = new Set<string>();
    for (const entry of plan.entries) {
      if (slices.due()) await slices.rest();
      if (!isFresh(entry)) continue;
      fresh.add(entry);
      if (entry.inode !== undefined) inodes.add(entry.inode);
    }
    return plan.entries.filter(
      (entry) => fresh.has(entry) || (entry.inode !== undefined && inodes.has(entry.inode)),
    );
  } finally {
    for (const layer of ours) layer.close();
  }
}

/**
 * Looks at paths below `to` that nobody has resolved. Sandboxed code may have put a link in a directory's place:
 * what is behind one is not there.
 */
export function unresolved(tree: Tree, to: string): (name: string) => Stats | undefined {
  const known = new Map<string, boolean>();
  const isDirectory = (name: string): boolean => {
    let found = known.get(name);
    if (found === undefined) {
      found = lstat(name)?.isDirectory() === true;
      known.set(name, found);
    }
    return found;
  };
  const lstat = (name: string): Stats | undefined => {
    const end = name.lastIndexOf("/");
    return end === -1 || isDirectory(name.slice(0, end)) ? look(tree, inside(to, name)) : undefined;
  };
  return lstat;
}

export function inside(to: string, name: string): string {
  return to === "/" ? `/${name}` : `${to}/${name}`;
}

/** What the topmost layer that has something there has. */
function firstOf(layers: readonly Beneath[], real: string): Stats | undefined {
  for (const layer of layers) {
    try {
      const stat = lstatSync(layer.place(real), { throwIfNoEntry: false });
      if (stat) return stat;
    } catch {
      // No directory on the way there, or one that the host has closed.
    }
  }
  return undefined;
}

/** Nothing can change a file and keep its change time, but another of that very time may take its place. */
function same(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.ctimeMs === b.ctimeMs && a.size === b.size;
}
