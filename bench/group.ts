import type { RowId } from "./bars.js";
import type { Place } from "./place.js";

/** What was measured for a row: samples in the bar's unit, milliseconds or MiB. */
export interface Measured {
  ours: readonly number[];
  floor?: readonly number[];
}

/** Rows that are measured together. */
export interface Group {
  rows: readonly RowId[];
  /** Gives each of its rows. */
  measure(place: Place): Promise<Partial<Record<RowId, Measured>>>;
}

/** Why a row can't be measured on this machine. */
export class CannotRun extends Error {}
