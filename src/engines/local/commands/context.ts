import type { ExecRequest } from "../../../engine.js";
import type { BaseTree } from "../bases/base-tree.js";
import type { Holder } from "../holder/holder.js";
import type { Stage } from "../holder/stage.js";
import type { LocalSnapshot } from "../layers/snapshots.js";
import type { Tree } from "../layers/tree.js";
import type { Trees } from "../layers/trees.js";
import type { Neighbours, Place } from "../network/neighbours.js";
import type { Networks } from "../network/network.js";
import type { Slots } from "./slots.js";

/** What running commands needs of the session. */
export interface CommandContext extends Trees {
  /** That of the moment. */
  readonly holder: Holder;
  readonly stage: Stage;
  readonly slots: Slots;
  readonly networks: Networks;
  readonly neighbours: Neighbours;
  /** The user namespace whose root is nobody on the host. */
  guest(): Promise<void>;
  /** bwrap's options for a command that is in one network with services: they have names there. */
  namesMount(snapshot: LocalSnapshot, place: Place): Promise<string[]>;
  /** bwrap's options for the host's own name service, for a command in the host's network. */
  resolverMount(tree: Tree): Promise<string[]>;
  /** bwrap's options for a command's caches, and their places that are not there yet. */
  cacheMounts(
    tree: Tree,
    base: BaseTree,
    request: ExecRequest,
  ): Promise<{ options: string[]; missing: string[] }>;
}
