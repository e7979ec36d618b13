/** One thing that an engine needs, and whether this machine has it. */
export interface Finding {
  check: string;
  ok: boolean;
  detail: string;
  /** The command, or the step, that fixes it. */
  fix?: string;
  /** "error": the engine can't work without it. "warning": something is missing or slower. */
  severity: "error" | "warning";
}

/** What one forkbox process keeps on this machine. */
export interface Session {
  id: string;
  pid: number;
  startedAt: Date;
  /** Its process is alive. What a dead one left is reclaimed by the next start or by prune. */
  live: boolean;
  /** Commands it is running now. */
  running: number;
  diskBytes?: number;
}

/** What kept setups take on this machine. */
export interface KeptSize {
  count: number;
  bytes: number;
  /** What they may take together; past it those go that were not used for the longest. */
  limitBytes: number;
}

export interface PruneOptions {
  /** Cached setups and bases too, not only what dead processes left. */
  all?: boolean;
  /** Cached setups and bases unused for longer. */
  olderThanMs?: number;
}

/** What was removed. */
export interface Pruned {
  sessions: number;
  /** Cached setups and bases. */
  kept: number;
  bytes: number;
}

/** Looking after what an engine needs and leaves on this machine. */
export interface EngineAdmin {
  name: string;
  diagnose(): Promise<Finding[]>;
  sessions(): Promise<Session[]>;
  prune(options: PruneOptions): Promise<Pruned>;
  /** Left out: what is kept is the engine's own, and so is how much. */
  kept?(): Promise<KeptSize>;
}
