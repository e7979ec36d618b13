import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  type Stats,
  symlinkSync,
} from "node:fs";
import type { ImportEntry, ImportPlan, ImportRecord, User } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { nextTurn } from "../../timers.js";
import { notADirectory } from "../path-errors.js";
import { copyHostFile } from "./copy-host-file.js";
import { asSandboxError, refuseOutside } from "./files.js";
import type { Owner } from "./ids.js";
import type { Session } from "./session.js";
import { copyAttributes, type Layer, type LocalSnapshot } from "./snapshots.js";
import { bytes, fromLatin1, latin1, type Tree } from "./tree.js";

/** What an import brought, and the layer it put it in: what still shows through from there was not touched since. */
interface LocalImportRecord extends ImportRecord {
  /** Snapshot and generation right after it: nothing at all has been touched in that very state. */
  readonly state: string;
  readonly layers: readonly Layer[];
}

/** Writes host files into a layer of their own, without an overlay in between, and removes what the host no longer has. */
export async function importInto(
  session: Session,
  from: LocalSnapshot,
  plan: ImportPlan,
  user: User,
  signal: AbortSignal | undefined,
): Promise<{ snapshot: LocalSnapshot; record: ImportRecord }> {
  return session.withTree(from, (tree) => importOnto(session, tree, from, plan, user, signal));
}

async function importOnto(
  session: Session,
  tree: Tree,
  from: LocalSnapshot,
  plan: ImportPlan,
  user: User,
  signal: AbortSignal | undefined,
): Promise<{ snapshot: LocalSnapshot; record: ImportRecord }> {
  const target = tree.resolve(plan.to, "refreshFromHost", true);
  refuseOutside(target, plan.to, "refreshFromHost");
  if (target.stat && !target.stat.isDirectory()) throw notADirectory(plan.to, plan.to, "refreshFromHost");
  if (tree.isReadOnly(target.real)) {
    throw new SandboxError(
      "PERMISSION",
      `refreshFromHost into ${plan.to}: this part of the base is the host's and read-only.`,
      { operation: "refreshFromHost", path: plan.to },
    );
  }
  refuseWalls(tree, target.real, plan);
  const stamps = new Map(plan.entries.map(({ path, stamp }) => [path.toString("latin1"), stamp]));
  const previous = plan.previous as LocalImportRecord | undefined;
  const fresh = freshEntries(tree, from, target.real, plan, previous);
  if (fresh.length === 0 && plan.remove.length === 0 && target.stat)
    return { snapshot: from, record: { ...(previous as LocalImportRecord), stamps } as ImportRecord };

  const layer = session.snapshots.newLayer(from.top);
  const snapshot = session.snapshots.create([layer, ...from.layers], from.base, from.user);
  try {
    const writer = new LayerWriter(tree, layer, session.ids.owner(user));
    writer.ensure(target.real);
    await writer.write(plan.source, target.real, fresh, signal);
    if (plan.remove.length > 0) {
      await session.withTree(snapshot, (merged) => removeGone(merged, target.real, plan.remove));
    }
    layer.frozen = true;
  } catch (error) {
    session.snapshots.release(snapshot);
    throw asSandboxError(error, "refreshFromHost", plan.to);
  }
  session.snapshots.release(from);
  session.compact(snapshot);
  const layers = fresh.length === plan.entries.length ? [layer] : [layer, ...(previous?.layers ?? [])];
  return { snapshot, record: { stamps, state: stateOf(snapshot), layers } as LocalImportRecord };
}

/** What is not the same on the host as at the last import, or was touched in the sandbox since. */
function freshEntries(
  tree: Tree,
  from: LocalSnapshot,
  to: string,
  plan: ImportPlan,
  previous: LocalImportRecord | undefined,
): readonly ImportEntry[] {
  if (!previous?.layers) return plan.entries;
  const sameState = previous.state === stateOf(from);
  const layers = previous.layers.filter((layer) => from.layers.includes(layer));
  const lstat = unresolved(tree, to);
  return plan.entries.filter(({ path, stamp, type }) => {
    const name = path.toString("latin1");
    if (previous.stamps.get(name) !== stamp) return true;
    if (sameState) return false;
    const shown = lstat(name);
    if (type === "directory") return !shown?.isDirectory();
    const ours = layers
      .map((layer) => tree.lstatOnHost(latin1(layer.path) + inside(to, name)))
      .find((stat) => stat !== undefined);
    return !shown || !ours || !same(shown, ours);
  });
}

/** Files in the parts of the base that are the host's, in /proc or in /dev would be written where nothing shows them. */
function refuseWalls(tree: Tree, to: string, { entries }: ImportPlan): void {
  for (const { path, type } of entries) {
    const real = inside(to, path.toString("latin1"));
    if (!tree.isReadOnly(real) && !tree.isOutside(real)) continue;
    if (type === "directory" && tree.lstat(real)?.isDirectory()) continue;
    throw new SandboxError(
      "PERMISSION",
      `refreshFromHost into ${fromLatin1(to)}: ${fromLatin1(real)} is in a part of the base that is the host's and read-only. Leave it out with exclude.`,
      { operation: "refreshFromHost", path: fromLatin1(real) },
    );
  }
}

/**
 * Looks at paths below `to` that nobody has resolved. Sandboxed code may have put a link in a directory's place,
 * and the kernel would follow it out of the sandbox: what is behind one is not there.
 */
function unresolved(tree: Tree, to: string): (name: string) => Stats | undefined {
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
    return end === -1 || isDirectory(name.slice(0, end)) ? tree.lstat(inside(to, name)) : undefined;
  };
  return lstat;
}

function inside(to: string, name: string): string {
  return to === "/" ? `/${name}` : `${to}/${name}`;
}

/** Nothing can change a file and keep its change time, but another of that very time may take its place. */
function same(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.ctimeMs === b.ctimeMs && a.size === b.size;
}

function stateOf(snapshot: LocalSnapshot): string {
  return `${snapshot.id}.${snapshot.generation}`;
}

/** Writes into a layer that is not mounted: directories are made like those they will be merged with. */
export class LayerWriter {
  #made = new Set<string>([""]);

  constructor(
    private readonly tree: Tree,
    private readonly layer: Layer,
    private readonly owner: Owner,
  ) {}

  /** The directory and its parents, with the attributes they have in the snapshot. */
  ensure(real: string): void {
    if (real === "/" || this.#made.has(real)) return;
    this.ensure(real.slice(0, real.lastIndexOf("/")));
    const path = this.#inLayer(real);
    mkdirSync(bytes(path));
    this.#made.add(real);
    if (this.tree.lstat(real)?.isDirectory()) copyAttributes(this.tree.onHost(real), path);
    else this.#own(path, 0o755);
  }

  async write(
    source: string,
    to: string,
    entries: readonly ImportEntry[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const from = latin1(source);
    const modes: [path: string, mode: number][] = [];
    for (let i = 0; i < entries.length; i++) {
      if (i % 64 === 63) {
        await nextTurn();
        signal?.throwIfAborted();
      }
      const entry = entries[i] as ImportEntry;
      const name = entry.path.toString("latin1");
      const real = inside(to, name);
      if (this.tree.isReadOnly(real) || this.tree.isOutside(real)) continue; // a directory that is there
      const path = this.#inLayer(real);
      const parent = real.slice(0, real.lastIndexOf("/"));
      if (!this.#made.has(parent)) this.ensure(parent);
      if (entry.type === "directory") {
        this.ensure(real);
        modes.push([path, entry.mode]); // last: it may be closed to its own writer
      } else if (entry.type === "symlink") {
        symlinkSync(readlinkSync(bytes(`${from}/${name}`), { encoding: "buffer" }), bytes(path));
        if (this.owner) lchownSync(bytes(path), this.owner.uid, this.owner.gid);
      } else {
        copyHostFile(bytes(`${from}/${name}`), bytes(path), entry.mode, this.owner);
      }
    }
    for (const [path, mode] of modes) this.#own(path, mode);
  }

  #own(path: string, mode: number): void {
    chmodSync(bytes(path), mode);
    if (this.owner) chownSync(bytes(path), this.owner.uid, this.owner.gid);
  }

  #inLayer(real: string): string {
    return latin1(this.layer.path) + real;
  }
}

/** Children come before their parents; a directory in which the sandbox made something of its own stays. */
function removeGone(tree: Tree, to: string, remove: readonly Buffer[]): void {
  const lstat = unresolved(tree, to);
  for (const path of remove) {
    const name = path.toString("latin1");
    const real = inside(to, name);
    const stat = lstat(name);
    // What lies in the walls was never written by an import: it is the host's own.
    if (!stat || tree.isReadOnly(real) || tree.isOutside(real)) continue;
    if (!stat.isDirectory()) {
      rmSync(bytes(tree.onHost(real)));
      continue;
    }
    try {
      rmdirSync(bytes(tree.onHost(real)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
    }
  }
}
