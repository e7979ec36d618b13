import type { StreamName } from "./engine.js";
import type { SandboxError } from "./errors.js";
import type { ExecResult, OperationOptions } from "./options.js";

/** When a service can be used. */
export type Ready =
  /**
   * As soon as something listens on this TCP port of the sandbox's own network; with `path`, as soon as a GET of it
   * there is answered with a status from 200 to 399.
   */
  | {
      /** Of the sandbox. */
      port: number;
      /** Of a URL, with its query. */
      path?: string;
    }
  /**
   * As soon as a line of its output, of either stream and redacted, matches. Of a line 4096 characters are looked at,
   * and a pattern that takes too long to match is LIMIT.
   */
  | {
      /** The flags g and y mean nothing here. */
      log: RegExp;
    };

/** Options of `start`. */
export interface ServiceOptions {
  /** What the sandbox's commands find it under, beside `localhost`: a host name without dots. Default: `service`, `service-2`… */
  name?: string;
  /** When `start` resolves. Default: as soon as the command runs. */
  ready?: Ready;
  /** Milliseconds, 1 to 2,147,483,647, for it to be ready, counted from its start. Default 60,000. A service that is ready has no deadline. */
  timeoutMs?: number;
  /** Variables of this service only, over the sandbox's. */
  env?: Readonly<Record<string, string>>;
  /** Secrets of this service only, over the sandbox's; redacted like those in everything that comes out of the sandbox from then on. */
  secrets?: Readonly<Record<string, string>>;
  /** Sandbox path; relative to the workdir. */
  cwd?: string;
  /** Redacted text as it arrives; that of a fork's service is in its `output()` only. Not awaited. One that throws, or whose promise rejects, stops the service. */
  onStdout?: (text: string) => void;
  /** The same for stderr. */
  onStderr?: (text: string) => void;
  /**
   * Gives it a `url` on this machine, for this machine only: `true` for the port of `ready`, or a port of the sandbox.
   * Every program and every user of this machine can connect to it. Default false.
   */
  publish?: boolean | number;
  /** Aborts the start (ABORTED): the service is killed. Not for later. */
  signal?: AbortSignal;
}

/** Options of a service's `waitFor`. */
export interface WaitOptions extends OperationOptions {
  /** Milliseconds, 1 to 2,147,483,647: then TIMEOUT, and the service runs on. Default 60,000. */
  timeoutMs?: number;
}

/** Options of a service's `stop`. */
export interface StopOptions extends OperationOptions {
  /**
   * Makes what the service wrote the sandbox's next snapshot, laid over what was done meanwhile: where both changed a
   * file, the service's is there. It must have ended by itself, within its 10 seconds. Default false: thrown away.
   */
  keep?: boolean;
}

/** A piece of output. */
export interface OutputChunk {
  /** Which of the two. */
  stream: StreamName;
  /** Redacted; a part of a line, or several. */
  text: string;
}

/**
 * A command's output as it comes, to be read in a loop, and its result, to be awaited. What is not read yet has the
 * command wait, so that a slow reader needs no memory; who only awaits it makes nothing wait. Leaving the loop stops
 * the command with all its processes, and then the result rejects with ABORTED. A command that is stopped otherwise
 * makes the loop throw what the result rejects with.
 */
export interface CommandStream extends PromiseLike<ExecResult> {
  /** All of its loops together get each piece once. */
  [Symbol.asyncIterator](): AsyncIterator<OutputChunk, undefined>;
}

/** How a service ended. */
export interface ServiceEnd {
  /**
   * - `exited`: by itself
   * - `stopped`: by `stop`, by closing its sandbox, or because a callback of its output failed
   * - `memory`, `disk`: killed, for the sandbox's limit
   * - `lost`: the engine ended under it
   * - `failed`: it could not be started
   */
  reason: "exited" | "stopped" | "memory" | "disk" | "lost" | "failed";
  /** Where it ended without being killed by forkbox: 0 to 255; 128 + n for a signal n. */
  exitCode?: number;
  /** What went wrong, where something did. */
  error?: SandboxError;
}

/**
 * A command that runs beside the operations of its sandbox, from the snapshot of the moment it was started. What it
 * writes is its own: no other command sees it, and it sees nothing that is written after its start. It ends with its
 * sandbox.
 *
 * A fork has the same services, in a network of its own and on the same ports: each is started anew, from the same
 * snapshot, when the fork first needs it: before its first command, by `waitFor`, or by a connection to `url`.
 */
export interface Service {
  /** What the sandbox's commands find it under. */
  readonly name: string;
  /** `http://127.0.0.1:PORT` on this machine, with `publish`. */
  readonly url: string | undefined;
  /** How it ended, when no process of it is alive. Never rejects. */
  readonly exited: Promise<ServiceEnd>;
  /**
   * Its output from its start on, until it ends. Redacted; of what is more than the sandbox's `limits.outputBytes` the
   * middle is dropped, and a line says so. Leaving the loop stops nothing.
   */
  output(): AsyncIterableIterator<OutputChunk>;
  /**
   * Until it is ready in one more way.
   * @throws SandboxError SERVICE_ENDED with its last output, LIMIT, TIMEOUT, ABORTED, INVALID_ARGUMENT.
   */
  waitFor(ready: Ready, options?: WaitOptions): Promise<void>;
  /**
   * Ends it, in its turn in the sandbox's queue: SIGTERM to its first process and that one's group, 10 seconds of
   * grace, then SIGKILL to all of it. Resolves when no process of it is alive.
   * @throws SandboxError with `keep` where it did not end by itself: TIMEOUT, LIMIT, ENGINE_LOST. The sandbox is as
   * it was before, and the service is gone.
   */
  stop(options?: StopOptions): Promise<void>;
}
