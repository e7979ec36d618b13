import type { Engine, ImportRecord, Snapshot } from "../engine.js";
import type { Redactor } from "../redaction/redactor.js";
import type { Settings } from "./create-arguments.js";
import type { Variables } from "./environment.js";

/** All that an operation may change, in one piece: it is replaced when the operation succeeded. */
export interface State {
  readonly snapshot: Snapshot;
  /** Absolute. */
  readonly workdir: string;
  readonly variables: Variables;
  /** What each pair of host and sandbox directory brought, by {@link importKey}. */
  readonly imports: ReadonlyMap<string, ImportRecord>;
  /** Knows every secret the sandbox ever had: one that was replaced may still stand in a file. */
  readonly redactor: Redactor;
}

/** What an operation works with. */
export interface Context {
  readonly engine: Engine;
  readonly settings: Settings;
  /** Whose operation it is. */
  readonly sandbox: symbol;
  readonly state: State;
  /** Aborted by the caller's signal and by close. */
  readonly signal: AbortSignal;
  /** Has the sandbox's services running before one of its commands does. They have to know its secrets, which may reach them. */
  beforeCommand(redactor: Redactor): Promise<void>;
}

/** What an operation gives: its value, and the next state when it changed something. */
export interface Step<T> {
  readonly value: T;
  readonly next?: State;
}
