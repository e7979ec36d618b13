import type { Snapshot, User } from "../../../engine.js";
import type { Workspace } from "../staging/workspace.js";
import type { Attributes } from "./attributes.js";

/** What was found in a base when it was opened. */
export interface BaseInfo {
  /** Owner of what is written for the sandbox's user; root's is 0:0. */
  owner: string;
  /** The words before a command's own that make root its user. */
  become: readonly string[];
  /** What every command finds in its environment unless the sandbox says otherwise. */
  environment: Readonly<Record<string, string>>;
  /** Which base it is: what caches are kept apart by. */
  key: string;
  /** sleep takes fractions of a second. */
  fractions: boolean;
  /** What the first snapshot of it is: flattened ones stand on it. */
  container: string;
  /** Directories whose attributes every command reports when it ends: most writes go there. */
  reported: readonly string[];
}

/** What a snapshot is made of. */
interface Parts {
  workspace: Workspace;
  container: string;
  base: BaseInfo;
  /** Caches that are mounted: path to volume. */
  caches: ReadonlyMap<string, string>;
  /** Host paths that the recipe names. */
  staged: readonly string[];
  /** What is known of some directories. */
  known: ReadonlyMap<string, Attributes>;
  /** About how many layers its file system has above the base's. */
  layers: number;
  /** How many operations its container has come from the one that its recipe starts with. */
  steps: number;
  /** What is mounted where commands run, when one has left it fit for another. */
  ready?: string | undefined;
}

/** A container of a session, by its ID: the recipe that made it, which the engine holds the result of. */
export class DaggerSnapshot implements Snapshot, Readonly<Parts> {
  static #next = 1;
  readonly id = `d${DaggerSnapshot.#next++}`;
  readonly workspace: Workspace;
  readonly container: string;
  readonly base: BaseInfo;
  readonly caches: ReadonlyMap<string, string>;
  readonly staged: readonly string[];
  readonly known: ReadonlyMap<string, Attributes>;
  readonly layers: number;
  readonly steps: number;
  readonly ready: string | undefined;

  constructor(parts: Readonly<Parts>) {
    this.workspace = parts.workspace;
    this.container = parts.container;
    this.base = parts.base;
    this.caches = parts.caches;
    this.staged = parts.staged;
    this.known = parts.known;
    this.layers = parts.layers;
    this.steps = parts.steps;
    this.ready = parts.ready;
  }

  with(container: string, changed: Changed = {}): DaggerSnapshot {
    const { caches = this.caches, known = this.known, staged } = changed;
    const further = container === this.container ? 0 : 1;
    const { layers = this.layers + further, steps = this.steps + further } = changed;
    const isNew = staged !== undefined && !this.staged.includes(staged);
    const paths = isNew ? [...this.staged, staged] : this.staged;
    const ready = further === 0 && !("ready" in changed) ? this.ready : changed.ready;
    const { workspace, base } = this;
    return new DaggerSnapshot({
      workspace,
      container,
      base,
      caches,
      staged: paths,
      known,
      layers,
      steps,
      ready,
    });
  }

  /** What is still known when a path and all below it may have changed. */
  knownOutside(path: string): ReadonlyMap<string, Attributes> {
    return new Map([...this.known].filter(([at]) => at !== path && !at.startsWith(`${path}/`)));
  }
}

interface Changed {
  caches?: ReadonlyMap<string, string>;
  staged?: string;
  known?: ReadonlyMap<string, Attributes>;
  /** Default: one more, of another container. */
  layers?: number;
  /** Default: one more, of another container. */
  steps?: number;
  /** Default: none, of another container. */
  ready?: string | undefined;
}

export function ownerOf(base: BaseInfo, user: User): string {
  return user === "root" ? "0:0" : base.owner;
}
