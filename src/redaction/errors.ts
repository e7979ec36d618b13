import { inspect } from "node:util";
import { SandboxError } from "../errors.js";
import type { Redactor } from "./redactor.js";

/**
 * The same error without secrets in its message, path, stack and causes: itself when there are none in it.
 * Its outputs are redacted where they are made.
 */
export function redactError(error: SandboxError, redactor: Redactor): SandboxError {
  const { code, operation, stdout, stderr, durationMs } = error;
  const path = error.path === undefined ? undefined : redactor.redactText(error.path);
  const message = redactor.redactText(error.message);
  const cause = redactCause(error.cause, redactor);
  if (path === error.path && message === error.message && cause === error.cause) return error;
  const redacted = new SandboxError(code, message, { operation, path, cause, stdout, stderr, durationMs });
  if (error.stack !== undefined) redacted.stack = redactor.redactText(error.stack);
  return redacted;
}

/** Whatever prints a cause prints all of it, its properties too: one that holds a secret is made anew. */
function redactCause(cause: unknown, redactor: Redactor): unknown {
  const printed = shownWhole(cause);
  const redacted = redactor.redactText(printed);
  if (printed === redacted) return cause;
  if (!(cause instanceof Error)) return redacted;
  const clean = new Error(redactor.redactText(cause.message));
  clean.name = cause.name;
  clean.stack = redactor.redactText(cause.stack ?? "");
  return clean;
}

/** A caller's own may have an inspector that throws: it is shown without. */
function shownWhole(cause: unknown): string {
  const all = { maxStringLength: null, maxArrayLength: null, breakLength: Number.POSITIVE_INFINITY };
  try {
    return inspect(cause, { depth: 10, ...all });
  } catch {
    return inspect(cause, { depth: 10, ...all, customInspect: false });
  }
}
