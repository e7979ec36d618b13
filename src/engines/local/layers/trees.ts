import type { Ids } from "../holder/ids.js";
import type { LocalSnapshot, Snapshots } from "./snapshots.js";
import type { Tree } from "./tree.js";

/** What those who change files need of the session, which knows them all. */
export interface Trees {
  readonly ids: Ids;
  readonly snapshots: Snapshots;
  /** Gives the files of a snapshot to `act`; its view stays mounted until that has ended. */
  withTree<T>(
    snapshot: LocalSnapshot,
    act: (tree: Tree) => T | Promise<T>,
    caches?: Readonly<Record<string, string>>,
  ): Promise<T>;
  /** Merges layers of a long chain, while others go on. */
  compact(snapshot: LocalSnapshot): void;
}
