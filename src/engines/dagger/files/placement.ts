/** What to put where: paths without links. */
export interface Placement {
  /** Directories that are not there yet, parents first. */
  directories: Set<string>;
  files: Map<string, { data: Uint8Array; mode: number }>;
  /** The directories that are there and get something new, or have one below that does. */
  onto: Set<string>;
}
