/** What went wrong, as a word that code can branch on. */
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
  | "ENGINE_ERROR";

/** What a {@link SandboxError} may carry beside its code and message. */
export interface SandboxErrorDetails {
  operation: string;
  path?: string | undefined;
  cause?: unknown;
  stdout?: string | Uint8Array | undefined;
  stderr?: string | Uint8Array | undefined;
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
  override readonly name = "SandboxError";
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
