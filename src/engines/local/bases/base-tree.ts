import type { Layer } from "../layers/layer.js";
import type { Toolchains } from "./toolchains/find.js";

/** A host path, a directory's or a file's, shown read-only at a place in the sandbox. */
export interface Bind {
  /** Sandbox path. */
  at: string;
  /** Host path, for reading from here. */
  from: string;
  /** What bwrap binds: the host path, or the holder's own bind of one that sandboxed users can't reach. */
  source: string;
}

/** What snapshots of one base stand on. */
export interface BaseTree {
  /** Tells bases apart. */
  key: string;
  layers: readonly Layer[];
  /** One that lies in another comes after it. */
  binds: readonly Bind[];
  /** What every command finds in its environment unless the sandbox says otherwise. */
  environment: Readonly<Record<string, string>>;
  /** On the host base: those of the caller. */
  tools?: Toolchains;
}
