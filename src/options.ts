import type { Base, Engine, LimitMet, Limits, NetworkMode, User } from "./engine.js";

/** Which engine runs a sandbox: a name, or an engine made by `local({…})` or `dagger({…})`. */
export type EngineChoice = "auto" | "local" | "dagger" | Engine;

/** Options of `Sandbox.create`. */
export interface CreateOptions {
  /** Default "auto": the environment variable FORKBOX_ENGINE, else local where this machine can isolate. */
  engine?: EngineChoice;
  /** Default: `{ host: true }` on the local engine, `{ image: "node:20-alpine3.22" }` on Dagger. */
  base?: Base;
  /** Default "sandbox", an ordinary user. */
  user?: User;
  /** Absolute. Created; relative paths and commands start here. Default "/workspace". */
  workdir?: string;
  env?: Readonly<Record<string, string>>;
  /** Reach only the environment of commands; redacted from everything forkbox returns or prints. */
  secrets?: Readonly<Record<string, string>>;
  /** Milliseconds, 1 to 2,147,483,647: the deadline of `execWithTimeout`. Default 600,000. */
  timeoutMs?: number;
  /** Default "on": outgoing connections, without the host's own services. */
  network?: NetworkMode;
  limits?: Readonly<Limits>;
  /** Globs of sandbox paths that writeFile, writeFiles and deleteFile may not touch. Relative ones start at workdir. */
  readOnlyPaths?: readonly string[];
  /** Name to absolute sandbox path: directories kept between sandboxes. Sandboxes that share one can poison each other. */
  caches?: Readonly<Record<string, string>>;
  /** Aborts the creation only. */
  signal?: AbortSignal;
}

/** A program and its arguments (no shell), or a string for `sh -c`. */
export type Command = string | readonly string[];

/** Options of `exec` and `execWithTimeout`. */
export interface ExecOptions {
  /** Sandbox path; relative to the workdir. */
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  secrets?: Readonly<Record<string, string>>;
  /** Left out: /dev/null. */
  stdin?: string | Uint8Array | AsyncIterable<Uint8Array | string> | ReadableStream<Uint8Array>;
  /** Milliseconds, 1 to 2,147,483,647, counted from leaving the queue. `exec`: none unless given. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Default: the sandbox's. */
  network?: NetworkMode;
  /** Redacted text (or bytes, with `encoding: "bytes"`) as it arrives. Not awaited; a throw stops the command. */
  onStdout?: (chunk: string) => void;
  onStderr?: (chunk: string) => void;
  /** Default "utf8"; "bytes" is in {@link ExecBytesOptions}. */
  encoding?: "utf8";
}

/** The same with bytes instead of text. */
export interface ExecBytesOptions extends Omit<ExecOptions, "encoding" | "onStdout" | "onStderr"> {
  encoding: "bytes";
  onStdout?: (chunk: Uint8Array) => void;
  onStderr?: (chunk: Uint8Array) => void;
}

/** What a command did. A non-zero exit code is a result, not an error, and its changes are kept. */
export interface ExecResult<Output extends string | Uint8Array = string> {
  /** 0 to 255; 128 + n for a command ended by signal n. */
  exitCode: number;
  stdout: Output;
  stderr: Output;
  durationMs: number;
  /**
   * Bytes cut from the middle of each stream by `limits.outputBytes`. The line `... N bytes dropped ...` stands
   * in their place.
   */
  droppedBytes: { stdout: number; stderr: number };
  /** Limits that it ran into (starting a process was refused, say). Left out: none, or the engine can't tell. */
  limitsMet?: readonly LimitMet[];
}

/** One file of `writeFiles`. */
export interface FileToWrite {
  path: string;
  data: string | Uint8Array;
  /** Permission bits; default: those of the file it overwrites, else 0o644. */
  mode?: number;
}

/** Options of `refreshFromHost`. Globs are relative to the host directory. */
export interface RefreshOptions {
  include?: readonly string[];
  exclude?: readonly string[];
  /** Leave out what `.gitignore` files in the tree name. Default false. */
  gitignore?: boolean;
  /** Milliseconds, 1 to 2,147,483,647, counted from leaving the queue: then TIMEOUT. Default: none. */
  timeoutMs?: number;
  /**
   * Bytes. Refuse, with LIMIT and before anything is copied, what is larger together. A file counts its length less its
   * holes, or what it takes on a disk that compresses; one that is longer than this, holes included, is refused too.
   * Default: none.
   */
  maxBytes?: number;
  signal?: AbortSignal;
}

/** A path that was left out, and why. */
export interface Skipped {
  path: string;
  reason: string;
}

export interface RefreshResult {
  /** Regular files and links selected on the host. */
  files: number;
  bytes: number;
  /** What an earlier refresh of this pair brought and the host no longer has, directories included. */
  removed: number;
  skipped: Skipped[];
}

/** Options of `exportDirectory`. Globs are relative to the sandbox directory. */
export interface ExportOptions {
  include?: readonly string[];
  exclude?: readonly string[];
  /** Swap the host directory for the exported one instead of merging into it. Default false. */
  replace?: boolean;
  /** Fail with UNSAFE_EXPORT instead of skipping what can't be exported safely. Default false. */
  strict?: boolean;
  /** Export files that hold a secret's raw bytes. Default false: SECRET_LEAK. */
  allowSecrets?: boolean;
  /** Let files land in a `.git` of the host, whose hooks and config would run there. Default false. */
  allowGit?: boolean;
  /** Milliseconds, 1 to 2,147,483,647, counted from leaving the queue: then TIMEOUT. Default: none. */
  timeoutMs?: number;
  /**
   * Bytes. Refuse, with LIMIT and before anything is copied, what is larger together. A file counts its length less its
   * holes, or what it takes on a disk that compresses; one that is longer than this, holes included, is refused too.
   * Default: none.
   */
  maxBytes?: number;
  signal?: AbortSignal;
}

export interface ExportResult {
  /** Regular files and links put in place. */
  files: number;
  bytes: number;
  skipped: Skipped[];
}

/** What every asynchronous operation takes. */
export interface OperationOptions {
  signal?: AbortSignal;
}
