import type { CreateOptions } from "../options.js";

/** What every sandbox and every validation of the server is made of: the operator's word, no tool can change it. */
export type SandboxOptions = Pick<
  CreateOptions,
  "engine" | "base" | "user" | "network" | "env" | "secrets" | "limits" | "caches"
>;

/** What the operator said on the command line. */
export interface McpOptions {
  sandbox: SandboxOptions;
  /** Host directories that tools may read from and write to. None: no tool reaches the host. */
  roots: readonly string[];
  /** Globs of sandbox paths that tools may not write, and commands not unnoticed. */
  readOnlyPaths: readonly string[];
  /** Milliseconds: the deadline of a command that names none, and of each step of a validation. */
  timeoutMs: number;
  /** Sandboxes that one client may have at once. */
  maxSandboxes: number;
}

/** How HTTP is served. */
export interface HttpOptions {
  host: string;
  /** 0: one that is free. */
  port: number;
  /** Names in the Host header beside those of this machine itself. */
  allowedHosts: readonly string[];
  /** Each is a client of its own. */
  tokens: readonly string[];
  /** Milliseconds after which a sandbox that nobody used is closed. */
  idleMs: number;
}
