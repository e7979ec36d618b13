import { dirname } from "node:path/posix";
import type { Change, User } from "../../../engine.js";
import type { QueryOptions } from "../session/session.js";
import { type DaggerSnapshot, ownerOf } from "../snapshots/snapshot.js";
import type { Placement } from "./placement.js";
import { type Found, parentOf, Tree } from "./tree.js";
import { writeFew } from "./write-few.js";
import { writeMany } from "./write-many.js";

export type Write = Exclude<Change, { kind: "delete" }>;

/** More at once are staged as a tree: each single one would be a layer of its own. */
const FEW_FILES = 4;

/** Writes files and makes directories: all or none. */
export async function placeWrites(
  from: DaggerSnapshot,
  writes: readonly Write[],
  user: User,
  asked: QueryOptions,
): Promise<DaggerSnapshot> {
  const tree = new Tree(from, asked);
  const found = await resolveAll(tree, writes);
  const placement: Placement = { directories: new Set(), files: new Map(), onto: new Set() };
  for (const [index, write] of writes.entries()) await add(placement, tree, write, found[index] as Found);
  const { directories, files } = placement;
  if (directories.size === 0 && files.size === 0) return from;
  const apply = files.size <= FEW_FILES ? writeFew : writeMany;
  return apply(from, placement, ownerOf(from.base, user), asked);
}

/** Names of a parent are asked for once, instead of every file by itself. */
async function resolveAll(tree: Tree, writes: readonly Write[]): Promise<Found[]> {
  const parents = new Map<string, Promise<Found>>();
  return Promise.all(
    writes.map(async ({ path }) => {
      if (path === "/") return tree.resolve(path, true);
      const parentPath = parentOf(path) || "/";
      const resolving = parents.get(parentPath) ?? resolveParent(tree, parentPath, writes.length > 1);
      parents.set(parentPath, resolving);
      const parent = await resolving;
      const name = path.slice(path.lastIndexOf("/") + 1);
      const real = parent.real === "/" ? `/${name}` : `${parent.real}/${name}`;
      if (!parent.stat) return { real, stat: undefined };
      if (parent.stat.type !== "directory") throw tree.notADirectory(path, parent.real);
      // Only what is there can be a link, and only a link leads elsewhere.
      if (writes.length > 1 && !(await tree.names(parent.real)).includes(name))
        return { real, stat: undefined };
      return tree.resolve(real, true);
    }),
  );
}

/** Asks for its names meanwhile when they will be needed: few parents are behind links. */
function resolveParent(tree: Tree, path: string, names: boolean): Promise<Found> {
  if (names) tree.names(path).catch(() => undefined);
  return tree.resolve(path, true);
}

async function add(placement: Placement, tree: Tree, write: Write, { real, stat }: Found): Promise<void> {
  const { directories, files } = placement;
  if (write.kind === "directory") {
    if ((stat && stat.type !== "directory") || files.has(real)) throw tree.notADirectory(write.path);
    if (stat) return;
  } else if ((stat && stat.type !== "file") || directories.has(real)) {
    throw tree.notAFile(write.path);
  }
  for (const missing of await missingParents(placement, tree, real, write.path)) directories.add(missing);
  if (write.kind === "directory") directories.add(real);
  else
    files.set(real, { data: write.data, mode: write.mode ?? files.get(real)?.mode ?? stat?.mode ?? 0o644 });
}

/** The parents that are not there, outermost first; those that are there are noted. */
async function missingParents(
  { files, onto }: Placement,
  tree: Tree,
  real: string,
  path: string,
): Promise<string[]> {
  const missing: string[] = [];
  for (let at = dirname(real); at !== "/"; at = dirname(at)) {
    if (files.has(at)) throw tree.notADirectory(path, at);
    const stat = await tree.lookup(at);
    if (stat && stat.type !== "directory") throw tree.notADirectory(path, at);
    if (stat) onto.add(at);
    else missing.unshift(at);
  }
  return missing;
}
