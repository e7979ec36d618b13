import { join } from "node:path";
import { merge } from "../../../programs/merge.mjs";
import { helperPath, nodeProgram } from "../holder/helpers.js";
import type { Holder } from "../holder/holder.js";
import type { Layer } from "./layer.js";
import type { LocalSnapshot, Snapshots, View } from "./snapshots.js";
import { latin1 } from "./tree.js";

/** In the session's directory. */
const WHITEOUT = "whiteout";

/** As many layers of one size as are merged into one of the next: a chain stays short at a small cost an exec. */
const RUN = 8;

/** What merging needs of its session. */
export interface Merging {
  readonly snapshots: Snapshots;
  readonly directory: string;
  readonly holder: Holder;
  /** One merge at a time. */
  compacting: boolean;
}

/** Merges the youngest run of equal layers, where there is one. */
export async function compactChain(session: Merging, snapshot: LocalSnapshot): Promise<void> {
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

/** One layer that does, over `rest`, what `run` does over it. */
export async function mergeLayers(
  session: Merging,
  like: LocalSnapshot,
  run: readonly Layer[],
  rest: readonly Layer[],
): Promise<Layer> {
  const { snapshots } = session;
  const letGo = snapshots.hold([...run, ...rest]);
  // Two probes: an empty layer over each chain, so that no layer of theirs is mounted writable twice.
  const above = snapshots.create([snapshots.newLayer(run[0]), ...run, ...rest], like.base, like.user);
  const below = snapshots.create([snapshots.newLayer(rest[0]), ...rest], like.base, like.user);
  try {
    const whole = await snapshots.pin(above);
    const under = await snapshots.pin(below);
    try {
      return await mergeHere(session, whole, under, run).catch((error) => {
        if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
        return mergeInHolder(session, whole, under, run);
      });
    } finally {
      snapshots.unpin(above, whole);
      snapshots.unpin(below, under);
    }
  } finally {
    snapshots.release(above);
    snapshots.release(below);
    letGo();
  }
}

function mergeHere(session: Merging, whole: View, under: View, run: readonly Layer[]): Promise<Layer> {
  return intoNewLayer(session, run, ({ path }) =>
    merge({
      merged: latin1(path),
      whiteout: latin1(join(session.directory, WHITEOUT)),
      whole: latin1(whole.root),
      under: latin1(under.root),
      run: run.map((layer) => latin1(layer.path)),
    }),
  );
}

/** Sandboxed code closed a directory to its own user, which an ordinary caller is: in the holder we are root. */
function mergeInHolder(session: Merging, whole: View, under: View, run: readonly Layer[]): Promise<Layer> {
  return intoNewLayer(session, run, ({ name }) => {
    const views = [whole, under].map((view) => `v/${view.name}`);
    const layers = run.map((layer) => `l/${layer.name}`);
    const program = [nodeProgram(), helperPath("merge-program.mjs")];
    return session.holder.task(...program, `l/${name}`, WHITEOUT, ...views, ...layers);
  });
}

async function intoNewLayer(
  { snapshots }: Merging,
  [first]: readonly Layer[],
  fill: (layer: Layer) => Promise<unknown>,
): Promise<Layer> {
  const layer = snapshots.newLayer(first, (first as Layer).level + 1);
  try {
    await fill(layer);
    return layer;
  } catch (error) {
    snapshots.garbage.remove(layer.path);
    throw error;
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
