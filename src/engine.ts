/**
 * The one seam between forkbox and what runs the code. {@link Engine} keeps snapshots and runs commands;
 * everything above it (order, environment, redaction, host safety, errors) is written once.
 */

import type { Duplex } from "node:stream";
import type { SandboxError } from "./errors.js";

/** What a sandbox starts from. */
export type Base =
  /** An image of a registry, by tag or digest, as Docker names it. */
  | { image: string }
  /** A host directory with a Dockerfile, or the path of one, that is built first; `target` is the stage, by default the last. */
  | { dockerfile: string; target?: string; buildArgs?: Readonly<Record<string, string>> }
  /** A host directory that is a root file system. Don't change it while it is in use. */
  | { rootfs: string }
  /** A tar of an image on the host, as `docker save` and OCI tools write it. */
  | { archive: string }
  /** The host's own toolchain, read-only; `paths` are absolute host paths to be shown beside it. */
  | { host: true; paths?: readonly string[] };

/** What a {@link Base} is: the name of its deciding key. */
export type BaseKind = "image" | "dockerfile" | "rootfs" | "archive" | "host";

/** Who runs commands: an ordinary user, or root of the sandbox (never root of the host). */
export type User = "sandbox" | "root";

/**
 * - `on`: outgoing connections and DNS, but nothing of the host's own
 * - `off`: nothing but a loopback of the command's own
 * - `host`: the host's network itself, its loopback included
 */
export type NetworkMode = "on" | "off" | "host";

/** What one command may use. What is left out is not limited, but for `processes` and `outputBytes`. */
export interface Limits {
  /** Memory of all processes of a command together, in MiB, at least 8. Passing it stops the command with LIMIT. */
  memoryMiB?: number;
  /** CPUs a command may use; a fraction is allowed. It only slows down. */
  cpus?: number;
  /** Processes and threads at once. Default 1024. The command sees EAGAIN. */
  processes?: number;
  /** What one command may add to the disk, in MiB; polled, so it may overshoot. Passing it is LIMIT. */
  diskMiB?: number;
  /** Bytes kept of each output stream, head and tail. Default 10 MiB. */
  outputBytes?: number;
}

/** `true`, or why not and what to do about it. */
export type Support = true | string;

/** What an engine can honour on this machine. What it can't is UNSUPPORTED when a sandbox is created. */
export interface Capabilities {
  /** "bytes": all output arrives live as it was printed. "text": live output is best effort. */
  liveOutput: "bytes" | "text";
  /** What sandboxes can start from. */
  bases: Readonly<Record<BaseKind, Support>>;
  /** Who can run commands. */
  users: Readonly<Record<User, Support>>;
  /** Which networks a command can get. */
  network: Readonly<Record<NetworkMode, Support>>;
  /** Which limits hold. */
  limits: Readonly<Record<keyof Limits, Support>>;
  /** Whether directories can be kept between sandboxes. */
  caches: Support;
  /** Whether commands can run beside others of a sandbox, and be reached from these. */
  services: Support;
}

/** An immutable file tree an engine keeps. Its holders count: see {@link Engine.retain}. */
export interface Snapshot {
  /** For messages and tests; says nothing about content. */
  readonly id: string;
}

/** A file, directory or link in a sandbox. */
export interface Entry {
  /** The last part of its path. */
  name: string;
  /** "other" is a socket, pipe or device. */
  type: "file" | "directory" | "symlink" | "other";
  /** In bytes. */
  size: number;
  /** The twelve permission bits. */
  mode: number;
  /** When its content was last modified, in milliseconds since 1970. Left out where the engine can't tell. */
  mtimeMs?: number;
}

/** Which of a command's two output streams. */
export type StreamName = "stdout" | "stderr";

/** One command for an engine, everything about it decided. */
export interface ExecRequest {
  /** The program and its arguments; there is no shell unless this names one. */
  argv: readonly [string, ...string[]];
  /** Absolute sandbox path. Missing is NOT_FOUND, a file is NOT_A_DIRECTORY, and nothing changes. */
  cwd: string;
  /** Who runs it. */
  user: User;
  /** Tells sandboxes apart, a fork from where it came from too: nothing that an engine keeps of one is given to another. */
  sandbox: symbol;
  /** Its variables. What else it finds in its environment is the base's. */
  env: Readonly<Record<string, string>>;
  /** Like env, but never in an argument, an ID, a file or a cache key. */
  secrets: Readonly<Record<string, string>>;
  /** Left out: /dev/null. */
  stdin?: AsyncIterable<Uint8Array>;
  /** Milliseconds from the call until the whole process tree is killed. */
  deadlineMs?: number;
  /** Kills the whole process tree. */
  signal?: AbortSignal;
  /** What it reaches. */
  network: NetworkMode;
  /** What it may use. */
  limits: Readonly<Limits>;
  /** Directories that are kept between sandboxes: name to absolute sandbox path. */
  caches: Readonly<Record<string, string>>;
}

/** One output stream as the engine kept it: raw bytes, the middle dropped when it went over the cap. */
export interface RawOutput {
  /** The beginning; all of it when nothing was dropped. */
  head: Uint8Array;
  /** The end. Empty when nothing was dropped. */
  tail: Uint8Array;
  /** Between the two. */
  droppedBytes: number;
}

/** A limit that a command ran into and that did not stop it. */
export type LimitMet = "processes" | "memory";

/** How a command ended, for whoever asked the engine. When an engine says so, no process of it is alive. */
export type ExecOutcome =
  /** By itself, or by a signal of its own (128 + n). Its changes are in `snapshot`. */
  | {
      kind: "exited";
      exitCode: number;
      snapshot: Snapshot;
      stdout: RawOutput;
      stderr: RawOutput;
      /** Left out where none was met, or the engine can't tell. */
      limitsMet?: readonly LimitMet[];
    }
  /** It was killed, and has changed nothing. */
  | {
      kind: "stopped";
      why: "deadline" | "abort" | "memory" | "disk";
      stdout: RawOutput;
      stderr: RawOutput;
    }
  /** The engine ended under the command. `error` is ENGINE_LOST; the output is what had arrived by then. */
  | { kind: "lost"; error: SandboxError; stdout: RawOutput; stderr: RawOutput };

/** Gets a command's output as it arrives. While a promise that it gave is pending, an engine with `liveOutput: "bytes"` reads no more of that stream, and the command that writes on waits. */
export type OnBytes = (stream: StreamName, bytes: Uint8Array) => undefined | Promise<void>;

/** A command that runs beside others of its sandbox, everything about it decided. */
export interface ServiceRequest extends Omit<ExecRequest, "stdin" | "deadlineMs"> {
  /** What other commands of the sandbox find it under, beside `localhost`, while it runs. */
  name: string;
}

/** A command that was started and runs beside others. */
export interface RunningService {
  /**
   * How it ended, when no process of it is alive. `snapshot` is its own tree, with a reference for the caller.
   * Rejects with what {@link Engine.exec} throws.
   */
  readonly ended: Promise<ExecOutcome>;
  /** Asks it to end: SIGTERM to its first process and that one's group. */
  terminate(): Promise<void>;
  /** Whether something listens on a TCP port of the network that the sandbox's commands share. */
  isListening(port: number): Promise<boolean>;
  /** A connection to a port of that network's loopback. One that is refused ends without a byte. */
  connect(port: number): Promise<Duplex>;
  /**
   * After it has exited: what it wrote, laid over a later snapshot of the sandbox. Where both changed a file, it is
   * the service's. Consumes the caller's reference on `onto` and gives one on the result.
   */
  keep(onto: Snapshot): Promise<Snapshot>;
}

/** A part of a file. */
export interface ByteRange {
  /** The first byte. */
  offset: number;
  /** At most so many bytes: fewer where the file ends. */
  length: number;
}

/** One change of {@link Engine.change}. Paths are absolute in the sandbox; links are resolved inside it. */
export type Change =
  /** Creates parents. Follows a link at the end. Keeps the mode of what it overwrites, else `mode` or 0644. */
  | { kind: "write"; path: string; data: Uint8Array; mode?: number }
  /** Does not follow a link at the end. Missing: NOT_FOUND. A non-empty directory needs `recursive`. */
  | { kind: "delete"; path: string; recursive: boolean }
  /** Creates parents; an existing directory is fine. */
  | { kind: "directory"; path: string };

/** One host file to import. `path` is relative to the imported directory, in bytes, with "/" between parts. */
export interface ImportEntry {
  /** Relative. */
  path: Buffer;
  /** A link is brought as it is. */
  type: "file" | "directory" | "symlink";
  /** Permission bits without setuid, setgid. */
  mode: number;
  /** Of a file its length, holes included. */
  size: number;
  /** Bytes that a file takes on the host's disk: less than its length when it has holes. */
  allocated: number;
  /** When its content was last modified, in seconds since 1970. */
  mtime: number;
  /** The same for all names of one file that has several; left out where it has one. */
  inode?: string;
  /** Equal stamps mean that the host's file has not changed: size, mtime, ctime and inode. */
  stamp: string;
}

/** What an import brought, without what vanished meanwhile, as the engine wants to be told of it at the next import of the same pair. */
export interface ImportRecord {
  /** Relative path (latin1 of its bytes, so that any name is a key) to the host's stamp. */
  readonly stamps: ReadonlyMap<string, string>;
}

/** What an import has to do. The host's directory may change meanwhile. */
export interface ImportPlan {
  /** Absolute host directory. */
  source: string;
  /** Absolute sandbox directory; created when missing. */
  to: string;
  /** Parents before children. */
  entries: readonly ImportEntry[];
  /** Relative paths an earlier import brought that the host no longer has; children before parents. */
  remove: readonly Buffer[];
  /** What the last import of this pair returned, for skipping what is unchanged on both sides. */
  previous?: ImportRecord;
}

/** How a base is opened. */
export interface OpenOptions {
  /** Absolute sandbox path: made where it is missing, the user's own. */
  workdir: string;
  /** Who commands run as. */
  user: User;
  /** Aborts the opening (ABORTED). */
  signal?: AbortSignal;
}

/**
 * Keeps snapshots and runs commands in them.
 *
 * References: `open` and `find` give the caller one reference. `exec` (exited), `change` and `importTree`
 * consume the caller's reference on `from` and give one on the result; when they throw, or a command was
 * stopped or lost, the caller still holds `from`, unchanged. An engine may change a snapshot in place when the
 * caller's reference is the only one.
 *
 * Every method throws SandboxError. What can be a path of a sandbox is absolute and already normal
 * (no `.`, `..` or empty parts); resolving links inside the snapshot is the engine's.
 */
export interface Engine {
  /** For messages and reports. */
  readonly name: string;
  /** Starts the engine when it isn't yet. Throws ENGINE_UNAVAILABLE that says what to do. */
  capabilities(signal?: AbortSignal): Promise<Capabilities>;
  /** What a sandbox starts from when its creator names nothing. */
  readonly defaultBase: Base;
  /** A string that changes when the base's content or tools do: part of the setup cache's key. */
  identify(base: Base, signal?: AbortSignal): Promise<string>;
  /** A snapshot of a base, with the directories that every command may count on. NOT_FOUND for a base that is missing. */
  open(base: Base, options: OpenOptions): Promise<Snapshot>;
  /**
   * Runs a command on top of a snapshot, and settles when no process of it is alive. `onBytes` is called as output arrives, before the promise settles, never after.
   */
  exec(from: Snapshot, request: ExecRequest, onBytes?: OnBytes): Promise<ExecOutcome>;
  /**
   * Starts a command in a tree of its own on top of a snapshot, of which it takes a reference. From then on the
   * sandbox's commands with the same network share one with it. Resolves when its walls stand.
   */
  start(from: Snapshot, request: ServiceRequest, onBytes?: OnBytes): Promise<RunningService>;
  /** Writes, deletes, makes directories: all of the changes in order, or none. */
  change(from: Snapshot, changes: readonly Change[], user: User, signal?: AbortSignal): Promise<Snapshot>;
  /** Brings host files. The host wins: every entry has its content and type afterwards. `record` is for the next time. */
  importTree(
    from: Snapshot,
    plan: ImportPlan,
    user: User,
    signal?: AbortSignal,
  ): Promise<{ snapshot: Snapshot; record: ImportRecord }>;
  /** A host directory that shows a sandbox directory, to copy from until `dispose`. Links in it may point anywhere. */
  view(
    from: Snapshot,
    path: string,
    signal?: AbortSignal,
  ): Promise<{ root: string; dispose: () => Promise<void> }>;
  /** A file's bytes, or a part of them; links are followed. NOT_FOUND, NOT_A_FILE. */
  read(from: Snapshot, path: string, signal?: AbortSignal, range?: ByteRange): Promise<Uint8Array>;
  /** What is in a directory, sorted by name. NOT_FOUND, NOT_A_DIRECTORY. */
  list(from: Snapshot, path: string, signal?: AbortSignal): Promise<Entry[]>;
  /** What a path is, undefined for nothing. Does not follow a link at the end. */
  stat(from: Snapshot, path: string, signal?: AbortSignal): Promise<Entry | undefined>;
  /**
   * The path with the links in it followed, the one at its end only with `followLast`. Parts that are missing
   * stay as they are. For rules about paths, which a link must not get around.
   */
  resolve(from: Snapshot, path: string, followLast: boolean, signal?: AbortSignal): Promise<string>;
  /**
   * For people: where this machine has a program that commands on a snapshot don't find, and what to do. Undefined
   * where there is nothing to say. Engines that show nothing of a machine leave it out.
   */
  whereIs?(from: Snapshot, program: string): Promise<string | undefined>;
  /** One more reference. */
  retain(snapshot: Snapshot): void;
  /** One reference less. With the last one the engine may drop the snapshot. */
  release(snapshot: Snapshot): void;
  /** Keeps a snapshot under a key beyond this process. Replaces what was under it. */
  keep(key: string, snapshot: Snapshot, signal?: AbortSignal): Promise<void>;
  /** The snapshot kept under a key; undefined for none that still fits the base. */
  find(key: string, base: Base, signal?: AbortSignal): Promise<Snapshot | undefined>;
  /** Drops what is kept under a key, if anything is. */
  forget(key: string): Promise<void>;
  /** Ends everything of this engine. Idempotent. */
  close(): Promise<void>;
}

/** The kind of a base: the name of its deciding key. */
export function baseKind(base: Base): BaseKind {
  if ("image" in base) return "image";
  if ("dockerfile" in base) return "dockerfile";
  if ("rootfs" in base) return "rootfs";
  if ("archive" in base) return "archive";
  return "host";
}
