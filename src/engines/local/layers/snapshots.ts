import { chmodSync, chownSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Snapshot, User } from "../../../engine.js";
import type { BaseTree } from "../bases/base-tree.js";
import type { HolderOwner } from "../holder/holder.js";
import { Garbage } from "./garbage.js";
import type { Layer } from "./layer.js";
import { latin1 } from "./tree.js";

/** A chain of layers, top first; the top one is this snapshot's own. */
export class LocalSnapshot implements Snapshot {
  references = 1;
  /** Counts changes in place. */
  generation = 0;
  view: View | undefined;
  constructor(
    readonly id: string,
    public layers: readonly Layer[],
    readonly base: BaseTree,
    readonly user: User,
  ) {}

  get top(): Layer {
    return this.layers[0] as Layer;
  }
}

/** A mounted overlay of a snapshot's layers, the top one writable. */
export interface View {
  readonly name: string;
  readonly layers: readonly Layer[];
  /** The merged tree, from here. */
  readonly root: string;
  pins: number;
}

// Every launch copies the holder's mount table, so idle views are few.
const IDLE_VIEWS = 8;

/** Keeps layers, snapshots and the views that show them, and knows what nobody holds any more. */
export class Snapshots {
  #directory: string;
  #nextLayer = 1;
  #nextView = 1;
  #live = new Set<LocalSnapshot>();
  /** Ended with a holder, while something had them pinned. */
  #lost = new WeakSet<View>();
  #mounting = new Map<LocalSnapshot, Promise<View>>();
  readonly garbage: Garbage;

  constructor(
    private readonly owner: HolderOwner,
    directory: string,
  ) {
    this.#directory = directory;
    this.garbage = new Garbage(owner, directory);
  }

  /** After the holder was started anew: the layers are all there, the mounts are not. */
  forgetMounts(): void {
    this.#mounting.clear();
    for (const snapshot of this.#live) {
      const { view } = snapshot;
      snapshot.view = undefined;
      if (!view) continue;
      this.#lost.add(view);
      this.#drop(view.layers);
    }
  }

  /** An empty layer whose root directory is like that of the layer it goes on. */
  newLayer(under: Layer | undefined, level = 0): Layer {
    const name = String(this.#nextLayer++);
    const layer = {
      name,
      path: join(this.#directory, "l", name),
      level,
      holds: 0,
      frozen: false,
      owned: true,
    };
    mkdirSync(layer.path);
    if (under) copyAttributes(latin1(under.path), latin1(layer.path));
    return layer;
  }

  create(layers: readonly Layer[], base: BaseTree, user: User): LocalSnapshot {
    const snapshot = new LocalSnapshot((layers[0] as Layer).name, layers, base, user);
    for (const layer of layers) layer.holds++;
    this.#live.add(snapshot);
    return snapshot;
  }

  retain(snapshot: LocalSnapshot): void {
    snapshot.references++;
  }

  release(snapshot: LocalSnapshot): void {
    if (--snapshot.references > 0) return;
    this.#live.delete(snapshot);
    const { view } = snapshot;
    snapshot.view = undefined;
    if (view && view.pins === 0) this.#unmount(view);
    this.#drop(snapshot.layers);
  }

  /** Whether the only reference's holder may change it in place: nothing stands on its top layer. */
  isExclusive(snapshot: LocalSnapshot): boolean {
    const { top, view, references } = snapshot;
    return references === 1 && top.holds === (view ? 2 : 1) && !top.frozen && top.owned;
  }

  /** The merged tree of a snapshot; mounted when it isn't, and until it is unpinned. */
  async pin(snapshot: LocalSnapshot): Promise<View> {
    this.#live.delete(snapshot); // the most recently used are the last
    this.#live.add(snapshot);
    for (;;) {
      if (snapshot.view) {
        snapshot.view.pins++;
        return snapshot.view;
      }
      const other = this.#mounting.get(snapshot);
      if (other) {
        await other;
        continue;
      }
      const mounting = this.#mount(snapshot).finally(() => this.#mounting.delete(snapshot));
      this.#mounting.set(snapshot, mounting);
      return mounting;
    }
  }

  /** Makes what a mount needs and describes it; the launch of a command mounts it itself. */
  prepareView(layers: readonly Layer[]): { view: View; lower: string } {
    const [_top, ...lower] = layers as [Layer, ...Layer[]];
    const name = String(this.#nextView++);
    mkdirSync(join(this.#directory, "w", name));
    mkdirSync(join(this.#directory, "v", name));
    for (const layer of layers) layer.holds++;
    return {
      view: { name, layers, root: `${this.owner.holder.session}/v/${name}`, pins: 0 },
      lower: lower.map((layer) => `l/${layer.name}`).join(":"),
    };
  }

  /** The view of a command that exited becomes its snapshot's. */
  adopt(snapshot: LocalSnapshot, view: View): void {
    snapshot.view = view;
    this.#evict();
  }

  /** Throws away a view and what is only its own. */
  discard(view: View): void {
    this.#unmount(view);
  }

  unpin(snapshot: LocalSnapshot, view: View): void {
    view.pins--;
    if (view.pins === 0 && snapshot.view !== view && !this.#lost.has(view)) this.#unmount(view);
  }

  /** Replaces a run of layers by one of the same content, in every snapshot that has it. */
  replace(run: readonly Layer[], merged: Layer): void {
    for (const snapshot of this.#live) {
      const at = snapshot.layers.indexOf(run[0] as Layer);
      if (at < 1 || run.some((layer, i) => snapshot.layers[at + i] !== layer)) continue;
      snapshot.layers = [...snapshot.layers.slice(0, at), merged, ...snapshot.layers.slice(at + run.length)];
      merged.holds++;
      this.#drop(run);
    }
    if (merged.holds === 0) this.garbage.remove(merged.path);
  }

  hold(layers: readonly Layer[]): () => void {
    for (const layer of layers) layer.holds++;
    return () => this.#drop(layers);
  }

  /** Pinned for its caller from the start: else the next mount may evict it before it is used. */
  async #mount(snapshot: LocalSnapshot): Promise<View> {
    const { view, lower } = this.prepareView(snapshot.layers);
    this.retain(snapshot);
    try {
      await this.owner.holder.run("overlay", view.name, snapshot.top.name, lower);
      view.pins++;
      snapshot.view = view;
    } catch (error) {
      this.#drop(view.layers);
      throw error;
    } finally {
      this.release(snapshot);
    }
    this.#evict();
    return view;
  }

  #evict(): void {
    const idle = [...this.#live].filter(({ view }) => view && view.pins === 0);
    for (const snapshot of idle.slice(0, Math.max(0, idle.length - IDLE_VIEWS))) {
      this.#unmount(snapshot.view as View);
      snapshot.view = undefined;
    }
  }

  #unmount(view: View): void {
    this.garbage.unmount(view.name);
    this.#drop(view.layers);
  }

  #drop(layers: readonly Layer[]): void {
    for (const layer of layers) if (--layer.holds === 0 && layer.owned) this.garbage.remove(layer.path);
  }
}

/** Mode and owner of one directory onto another. Paths are latin1 strings of their bytes. */
export function copyAttributes(from: string, to: string): void {
  const { mode, uid, gid } = statSync(Buffer.from(from, "latin1"));
  const made = statSync(Buffer.from(to, "latin1"));
  const path = Buffer.from(to, "latin1");
  if (made.uid !== uid || made.gid !== gid) chownSync(path, uid, gid);
  if (((made.mode ^ mode) & 0o7777) !== 0) chmodSync(path, mode & 0o7777);
}
