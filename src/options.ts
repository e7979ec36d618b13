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
  /** Environment variables of every command, by name. DATABRICKS_TOKEN becomes a secret. Default: none of the caller's. */
  env?: Readonly<Record<string, string>>;
  /** Like `env`, but for values that nobody must see. Reach only the environment of commands; redacted from everything forkbox returns or prints. */
  secrets?: Readonly<Record<string, string>>;
  /** Milliseconds, 1 to 2,147,483,647: the deadline of `execWithTimeout`. Default 600,000. */
  timeoutMs?: number;
  /** Default "on": outgoing connections, without the host's own services. */
  network?: NetworkMode;
  /** What each command may use. Default: those of {@link Limits}. */
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

/** Bytes: a string stands for its UTF-8. Taken as they are from any realm, not copied: don't change them meanwhile. */
export type Data = string | ArrayBufferView | ArrayBufferLike | Blob;

/** Options of `exec` and `execWithTimeout`. */
export interface ExecOptions {
  /** Sandbox path; relative to the workdir. */
  cwd?: string;
  /** Variables of this command only, over the sandbox's. */
  env?: Readonly<Record<string, string>>;
  /** Secrets of this command only, over the sandbox's; redacted like those. */
  secrets?: Readonly<Record<string, string>>;
  /**
   * Left out: /dev/null. A stream (of Node, of the web, any async iterable of strings and bytes) is the command's
   * from the call on: it is closed when the command ends before it, and one that fails rejects the call (ABORTED,
   * with its error as `cause`) and changes nothing.
   */
  stdin?: Data | AsyncIterable<string | ArrayBufferView | ArrayBufferLike> | ReadableStream;
  /** Milliseconds, 1 to 2,147,483,647, counted from leaving the queue. `exec`: none unless given. */
  timeoutMs?: number;
  /** Kills the command with all its processes (ABORTED), or takes it out of the queue. */
  signal?: AbortSignal;
  /** Default: the sandbox's. */
  network?: NetworkMode;
  /**
   * Redacted text (or bytes, with `encoding: "bytes"`) as it arrives. Not awaited. One that throws, or whose promise
   * rejects while the command runs, stops the command: ABORTED, with what it threw as `cause`.
   */
  onStdout?: (chunk: string) => void;
  /** The same for stderr. */
  onStderr?: (chunk: string) => void;
  /** Default "utf8"; "bytes" is in {@link ExecBytesOptions}. */
  encoding?: "utf8";
}

/** The same with bytes instead of text. */
export interface ExecBytesOptions extends Omit<ExecOptions, "encoding" | "onStdout" | "onStderr"> {
  /** What the result and the callbacks have. */
  encoding: "bytes";
  /** Like that of {@link ExecOptions}, with bytes. */
  onStdout?: (chunk: Uint8Array) => void;
  /** Like that of {@link ExecOptions}, with bytes. */
  onStderr?: (chunk: Uint8Array) => void;
}

/** What a command did. A non-zero exit code is a result, not an error, and its changes are kept. */
export interface ExecResult<Output extends string | Uint8Array = string> {
  /** 0 to 255; 128 + n for a command ended by signal n. */
  exitCode: number;
  /** What it printed, redacted, at most `limits.outputBytes`. Text that is no UTF-8 has U+FFFD in its place. */
  stdout: Output;
  /** The same of stderr. */
  stderr: Output;
  /** Milliseconds that the engine took for it. */
  durationMs: number;
  /**
   * Bytes cut from the middle of each stream by `limits.outputBytes`. The line `... N bytes dropped ...` stands
   * in their place.
   */
  droppedBytes: {
    /** 0: all of it is in the result. */
    stdout: number;
    /** 0: all of it is in the result. */
    stderr: number;
  };
  /** Limits that it ran into (starting a process was refused, say). Left out: none, or the engine can't tell. */
  limitsMet?: readonly LimitMet[];
}

/** One file of `writeFiles`. */
export interface FileToWrite {
  /** Sandbox path; relative to the workdir. */
  path: string;
  /** All of the file's content. */
  data: Data;
  /** Permission bits; default: those of the file it overwrites, else 0o644. */
  mode?: number;
}

/** Options of `refreshFromHost`. Globs are relative to the host directory. */
export interface RefreshOptions {
  /** What is brought. Default: everything. */
  include?: readonly string[];
  /** What of that is left out. Default: nothing. */
  exclude?: readonly string[];
  /**
   * Leave out what git ignores: by `.gitignore` files in the tree and above it, up to the repository's root, and by
   * `.git/info/exclude`; what git tracks is brought all the same. Default false.
   */
  gitignore?: boolean;
  /** Milliseconds, 1 to 2,147,483,647, counted from leaving the queue: then TIMEOUT. Default: none. */
  timeoutMs?: number;
  /**
   * Bytes. Refuse, with LIMIT and before anything is copied, what is larger together. A file counts its length less its
   * holes, or what it takes on a disk that compresses; one that is longer than this, holes included, is refused too.
   * Default: none.
   */
  maxBytes?: number;
  /** Stops the operation (ABORTED). */
  signal?: AbortSignal;
}

/** A path that was left out, and why. */
export interface Skipped {
  /** Relative to the directory that was copied. */
  path: string;
  /** For people: "a socket", say. */
  reason: string;
}

/** What `refreshFromHost` found and took away. */
export interface RefreshResult {
  /** Regular files and links selected on the host. */
  files: number;
  /** Of those files together, by their lengths. */
  bytes: number;
  /** What an earlier refresh of this pair brought and the host no longer has, directories included. */
  removed: number;
  /** What is no file, directory or link. */
  skipped: Skipped[];
}

/** Options of `exportDirectory`. Globs are relative to the sandbox directory. */
export interface ExportOptions {
  /** What is copied. Default: everything. */
  include?: readonly string[];
  /** What of that is left out. Default: nothing. */
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
  /** Stops the operation (ABORTED). */
  signal?: AbortSignal;
}

/** What `exportDirectory` put on the host. */
export interface ExportResult {
  /** Regular files and links put in place. */
  files: number;
  /** Of those files together, by their lengths. */
  bytes: number;
  /** What can't be exported safely: links that lead out of the tree, sockets, devices and so on. */
  skipped: Skipped[];
}

/** What `importFile` and `exportFile` copied. */
export interface FileCopied {
  /** The file's length. */
  bytes: number;
}

/** Options of `importFile`. */
export interface ImportFileOptions extends OperationOptions {
  /** Milliseconds, 1 to 2,147,483,647, counted from leaving the queue: then TIMEOUT. Default: none. */
  timeoutMs?: number;
}

/** Options of `exportFile`. */
export interface ExportFileOptions extends OperationOptions {
  /** Export it even if it holds a secret's raw bytes. Default false: SECRET_LEAK. */
  allowSecrets?: boolean;
  /** Let it land in a `.git` of the host, or be one. Default false. */
  allowGit?: boolean;
  /** Milliseconds, 1 to 2,147,483,647, counted from leaving the queue: then TIMEOUT. Default: none. */
  timeoutMs?: number;
  /** Bytes, holes not counted: refuse, with LIMIT and before anything is copied, what is larger. Default: none. */
  maxBytes?: number;
}

/** Options of `readFile` and `readFileStream`. */
export interface ReadOptions extends OperationOptions {
  /** The first byte to read. Default 0; past the file's end there is nothing. */
  offset?: number;
  /** How many bytes to read at most. Default: to the file's end. */
  length?: number;
}

/** Options of `stream`: those of `exec`, but for what it gives itself. */
export type StreamOptions = Omit<ExecOptions, "onStdout" | "onStderr" | "encoding">;

/** What every asynchronous operation takes. */
export interface OperationOptions {
  /** Stops the operation (ABORTED). */
  signal?: AbortSignal;
}
