/**
 * What went wrong, as a word that code can branch on. An operation that failed has left the sandbox as it was.
 *
 * - `TIMEOUT`: the operation's `timeoutMs` passed
 * - `ABORTED`: its signal was aborted, or the caller's own stdin or callback failed; `cause` is the reason
 * - `CLOSED`: the sandbox was closed, before the operation or during it
 * - `INVALID_ARGUMENT`: an argument that can't be valid. Nothing was begun
 * - `NOT_FOUND`: a path, image or base is not there
 * - `NOT_A_FILE`: a path was to be a file and is something else, a directory say
 * - `NOT_A_DIRECTORY`: a path, or a part on the way to it, was to be a directory and is none
 * - `PERMISSION`: the system refused: to the sandbox's user in the sandbox, or to this process on the host
 * - `READ_ONLY_PATH`: the path is one of `readOnlyPaths`, or holds one
 * - `LIMIT`: more memory, disk or bytes than a limit allows, a full disk, or too many open files
 * - `UNSAFE_EXPORT`: an export would have put something unsafe on the host, and was `strict` or could not leave it out
 * - `SECRET_LEAK`: an export holds the value of a secret. Nothing was written
 * - `UNSUPPORTED`: the engine can't do this here; the message says what to do instead
 * - `ENGINE_UNAVAILABLE`: no engine can be used here; the message says what each lacks and how to get it
 * - `ENGINE_LOST`: the engine ended under the operation, or it can't be shown that all of a command is dead
 * - `ENGINE_ERROR`: the engine failed in another way, a command could not be started say
 * - `SERVICE_ENDED`: a service ended before it was ready
 */
export type ErrorCode =
  | "TIMEOUT"
  | "ABORTED"
  | "CLOSED"
  | "INVALID_ARGUMENT"
  | "NOT_FOUND"
  | "NOT_A_FILE"
  | "NOT_A_DIRECTORY"
  | "PERMISSION"
  | "READ_ONLY_PATH"
  | "LIMIT"
  | "UNSAFE_EXPORT"
  | "SECRET_LEAK"
  | "UNSUPPORTED"
  | "ENGINE_UNAVAILABLE"
  | "ENGINE_LOST"
  | "ENGINE_ERROR"
  | "SERVICE_ENDED";

/** What a {@link SandboxError} may carry beside its code and message. */
export interface SandboxErrorDetails {
  /** See {@link SandboxError.operation}. */
  operation: string;
  /** See {@link SandboxError.path}. */
  path?: string | undefined;
  /** What led to it: another error, or the reason of a signal. */
  cause?: unknown;
  /** See {@link SandboxError.stdout}. */
  stdout?: string | Uint8Array | undefined;
  /** See {@link SandboxError.stderr}. */
  stderr?: string | Uint8Array | undefined;
  /** See {@link SandboxError.durationMs}. */
  durationMs?: number | undefined;
}

/**
 * The one error class of forkbox. The message says what was tried, on what, why it failed and what to do;
 * `code` is for programs.
 *
 * @example
 * ```ts
 * try {
 *   await sandbox.execWithTimeout("npm test");
 * } catch (error) {
 *   if (error instanceof SandboxError && error.code === "TIMEOUT") console.log(error.stdout);
 *   else throw error;
 * }
 * ```
 */
export class SandboxError extends Error {
  /** Always this. */
  override readonly name = "SandboxError";
  /** What went wrong. */
  readonly code: ErrorCode;
  /** The operation that failed: `exec`, `writeFile`, `create`… */
  readonly operation: string;
  // Declared, not defined: an error that has none shows none when it is printed.
  /** The path it failed on, in the sandbox or on the host, where there is one. */
  declare readonly path?: string;
  /** For a stopped command: what it had printed, redacted and capped. */
  declare readonly stdout?: string | Uint8Array;
  /** For a stopped command: what it had printed, redacted and capped. */
  declare readonly stderr?: string | Uint8Array;
  /** For a stopped command: milliseconds from its start to its end. */
  declare readonly durationMs?: number;

  /** For engines of one's own: forkbox throws what they throw, redacted. */
  constructor(code: ErrorCode, message: string, details: SandboxErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.operation = details.operation;
    if (details.path !== undefined) this.path = details.path;
    if (details.stdout !== undefined) this.stdout = details.stdout;
    if (details.stderr !== undefined) this.stderr = details.stderr;
    if (details.durationMs !== undefined) this.durationMs = details.durationMs;
  }
}

/** What an error says, whatever was thrown: also what is no Error, or one of another realm, or throws when it is asked. */
export function messageOf(error: unknown): string {
  try {
    const { message } = (error ?? {}) as { message?: unknown };
    return typeof message === "string" ? message : String(error);
  } catch {
    return "something that can't be shown";
  }
}
