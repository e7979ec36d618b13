import type { ImportRecord } from "../../../engine.js";
import type { Layer } from "./layer.js";

/** What an import brought, and the layer it put it in: what still shows through from there was not touched since. */
export interface LocalImportRecord extends ImportRecord {
  /** Snapshot and generation right after it: nothing at all has been touched in that very state. */
  readonly state: string;
  readonly layers: readonly Layer[];
}
