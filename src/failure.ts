import { messageOf, SandboxError } from "./errors.js";
import { stopError } from "./queue.js";
import { redactError } from "./redaction/errors.js";
import type { Redactor } from "./redaction/redactor.js";

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
  if (!(error instanceof SandboxError)) {
    const why = messageOf(error);
    return new SandboxError("ENGINE_ERROR", `${operation} failed: ${why}`, { operation, cause: error });
  }
  if (error.operation === operation) return error;
  const { code, message, path, cause, stdout, stderr, durationMs } = error;
  return new SandboxError(code, message, { operation, path, cause, stdout, stderr, durationMs });
}
