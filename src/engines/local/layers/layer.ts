/** One directory of a chain. It never changes once another snapshot stands on it. */
export interface Layer {
  /** Its directory's name in `l/`, short: all of a chain's names go into one mount option. */
  readonly name: string;
  /** Its directory, from here. */
  readonly path: string;
  /** How often it was merged from smaller ones. */
  readonly level: number;
  /** Snapshots and views that stand on it. */
  holds: number;
  /** Set where something remembers its content: then not even its only holder may change it. */
  frozen: boolean;
  /** False for what outlives the session: bases and kept layers. */
  readonly owned: boolean;
}
