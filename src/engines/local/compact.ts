import { linkSync, lstatSync, mkdirSync, readdirSync, type Stats, utimesSync } from "node:fs";
import { join } from "node:path";
import type { Session } from "./session.js";
import { copyAttributes, type Layer, type LocalSnapshot } from "./snapshots.js";
import { bytes, latin1 } from "./tree.js";

/** As many layers of one size as are merged into one of the next: a chain stays short at a small cost an exec. */
const RUN = 8;

/** Merges the youngest run of equal layers, where there is one. */
export async function compactChain(session: Session, snapshot: LocalSnapshot): Promise<void> {
  const at = findRun(snapshot.layers);
  if (at === undefined || session.compacting) return;
  session.compacting = true;
  try {
    const run = snapshot.layers.slice(at, at + RUN);
    const merged = await mergeLayers(session, snapshot, run, snapshot.layers.slice(at + RUN));
    session.snapshots.replace(run, merged);
  } finally {
    session.compacting = false;
  }
}

/**
 * One layer that does, over `rest`, what `run` does over it. Computed from what the merged trees show, not
 * from overlayfs's own marks: those are extended attributes, which Node can't read. Files are hard links.
 */
export async function mergeLayers(
  session: Session,
  like: LocalSnapshot,
  run: readonly Layer[],
  rest: readonly Layer[],
): Promise<Layer> {
  const { snapshots } = session;
  const letGo = snapshots.hold([...run, ...rest]);
  // Two probes: an empty layer over each chain, so that no layer of theirs is mounted writable twice.
  const above = snapshots.create([snapshots.newLayer(run[0]), ...run, ...rest], like.base, like.user);
  const below = snapshots.create([snapshots.newLayer(rest[0]), ...rest], like.base, like.user);
  const merged = snapshots.newLayer(run[0], (run[0] as Layer).level + 1);
  try {
    const whole = await snapshots.pin(above);
    const under = await snapshots.pin(below);
    try {
      const whiteout = latin1(join(session.directory, "whiteout"));
      const layers = run.map(({ path }) => latin1(path));
      await new Merge(
        layers,
        latin1(whole.root),
        latin1(under.root),
        latin1(merged.path),
        whiteout,
      ).directory("");
    } finally {
      snapshots.unpin(above, whole);
      snapshots.unpin(below, under);
    }
    return merged;
  } catch (error) {
    snapshots.garbage.remove(merged.path);
    throw error;
  } finally {
    snapshots.release(above);
    snapshots.release(below);
    letGo();
  }
}

/** All paths are latin1 strings of their bytes. */
class Merge {
  #entries = 0;

  constructor(
    private readonly run: readonly string[],
    private readonly whole: string,
    private readonly under: string,
    private readonly merged: string,
    private readonly whiteout: string,
  ) {}

  /**
   * `run` and `overDirectory`: where every part of the way to the path is a directory, in which layers and under
   * them. Anywhere else it may lead through a link of the sandbox, which the kernel would follow out of it.
   */
  async directory(path: string, run = this.run, overDirectory = true): Promise<void> {
    const here = run.filter((layer) => stat(layer + path)?.isDirectory());
    const changed = new Set(here.flatMap((layer) => list(layer + path)));
    const shown = new Set(list(this.whole + path));
    const over = overDirectory && stat(this.under + path)?.isDirectory() === true;
    const hidden = over ? list(this.under + path).filter((name) => !shown.has(name)) : [];
    for (const name of hidden) linkSync(bytes(this.whiteout), bytes(`${this.merged}${path}/${name}`));
    for (const name of shown) {
      if (changed.has(name)) await this.#entry(`${path}/${name}`, here, over);
    }
  }

  async #entry(path: string, run: readonly string[], overDirectory: boolean): Promise<void> {
    // Links of thousands of files take a while: others go on in between.
    if (++this.#entries % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
    const shown = stat(this.whole + path) as Stats;
    const to = bytes(this.merged + path);
    if (shown.isDirectory()) {
      mkdirSync(to);
      await this.directory(path, run, overDirectory);
      copyAttributes(this.whole + path, this.merged + path);
      utimesSync(to, shown.atimeMs / 1000, shown.mtimeMs / 1000);
      return;
    }
    const from = run.find((layer) => stat(layer + path));
    if (from) linkSync(bytes(from + path), to);
  }
}

function findRun(layers: readonly Layer[]): number | undefined {
  // The top layer is still its snapshot's own.
  for (let at = 1; at + RUN <= layers.length; at++) {
    const run = layers.slice(at, at + RUN);
    if (run.every(({ level, owned }) => owned && level === run[0]?.level)) return at;
  }
  return undefined;
}

function stat(path: string): Stats | undefined {
  try {
    return lstatSync(bytes(path), { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  }
}

function list(path: string): string[] {
  return readdirSync(bytes(path), { encoding: "latin1" });
}
