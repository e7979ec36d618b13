import { messageOf, SandboxError } from "../errors.js";
import { redactError } from "../redaction/errors.js";
import type { Redactor } from "../redaction/redactor.js";
import { stopError } from "./queue.js";

/** What an operation rejects with when `error` ended it. */
export function failure(
  operation: string,
  error: unknown,
  signal: AbortSignal | undefined,
  redactor: Redactor,
): SandboxError {
  const known = asOperation(operation, error);
  if (signal?.aborted && (known.code === "ABORTED" || known.code === "ENGINE_ERROR")) {
    return stopError(operation, signal.reason, known);
  }
  // Its cause is the caller's own, and no secret of ours is in its message.
  return known.code === "ABORTED" ? known : redactError(known, redactor);
}

/** Engines know operations of their own only: reading a text file is reading a file to them. */
function asOperation(operation: string, error: unknown): SandboxError {
  const full = fullTable(error);
  if (full !== undefined) {
    const raise =
      full === "EMFILE"
        ? "this process may have no more: raise its limit with `ulimit -n` before it is started"
        : "this machine may have no more: raise its limit with `sysctl fs.file-max`";
    const message = `${operation} failed: too many files are open, and ${raise}, or do less at once.`;
    const { stdout, stderr, durationMs } = error as Partial<SandboxError>;
    return new SandboxError("LIMIT", message, { operation, cause: error, stdout, stderr, durationMs });
  }
  if (!(error instanceof SandboxError)) {
    const why = messageOf(error);
    return new SandboxError("ENGINE_ERROR", `${operation} failed: ${why}`, { operation, cause: error });
  }
  if (error.operation === operation) return error;
  const { code, message, path, cause, stdout, stderr, durationMs } = error;
  return new SandboxError(code, message, { operation, path, cause, stdout, stderr, durationMs });
}

/** Whether a limit of open files is behind an error. Some say so only in their text: of programs that were started. */
function fullTable(error: unknown): "EMFILE" | "ENFILE" | undefined {
  if (error instanceof SandboxError && !/^ENGINE_(ERROR|UNAVAILABLE)$/.test(error.code)) return undefined;
  for (let at = error, depth = 0; at !== undefined && at !== null && depth < 5; depth++) {
    const { code, cause } = at as { code?: unknown; cause?: unknown };
    if (code === "EMFILE" || code === "ENFILE") return code;
    if (/\bEMFILE\b|too many open files/i.test(messageOf(at))) return "EMFILE";
    at = cause;
  }
  return undefined;
}
