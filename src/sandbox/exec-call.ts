import type { Values } from "../arguments/variables.js";
import type { NetworkMode } from "../engine.js";
import type { OperationOptions } from "../options.js";
import type { OutputCallbacks } from "./live-output.js";
import type { StdinSource } from "./stdin.js";

/** A command with its options, checked. */
export interface ExecCall extends OperationOptions {
  readonly operation: string;
  readonly argv: [string, ...string[]];
  readonly cwd: string;
  readonly env: Values;
  readonly secrets: Values;
  readonly stdin: StdinSource | undefined;
  readonly timeoutMs: number | undefined;
  readonly network: NetworkMode | undefined;
  readonly callbacks: OutputCallbacks;
  readonly encoding: "utf8" | "bytes";
  /** Asked after each piece of output: while what it gives is pending, the command shall print no more. */
  readonly pace?: () => Promise<void> | undefined;
}
