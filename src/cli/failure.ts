import { SandboxError } from "../errors.js";
import { inFlags } from "./flag-names.js";
import { harmless } from "./view/terminal.js";

/** 0 passed · 1 did not pass · 2 usage or config · 3 no engine · 130 interrupted · 141 nobody reads stdout */
export const EXIT = { ok: 0, failed: 1, usage: 2, noEngine: 3, interrupted: 130, brokenPipe: 141 } as const;

/** What was asked for can't be: the message says why, the hint what to do. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Says on stderr what went wrong and what to do, without a stack trace; gives the exit code. */
export function reportFailure(error: unknown): number {
  if (process.env.FORKBOX_DEBUG) process.stderr.write(`${harmless(inspectable(error))}\n`);
  process.stderr.write(`forkbox: ${harmless(describe(error))}\n`);
  return exitCodeOf(error);
}

function describe(error: unknown): string {
  if (error instanceof UsageError) return error.hint ? `${error.message}\n${error.hint}` : error.message;
  if (error instanceof SandboxError) return inFlags(error.message);
  const message = error instanceof Error ? error.message : String(error);
  // A system call's own error (a report that can't be written, say) needs no apology.
  if (error instanceof Error && "syscall" in error) return message;
  const debug = "Run it again with FORKBOX_DEBUG=1 for the stack trace.";
  return `unexpected error: ${message}\nThis should not happen. ${debug}`;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (!(error instanceof SandboxError)) return EXIT.failed;
  switch (error.code) {
    case "INVALID_ARGUMENT":
    case "UNSUPPORTED":
      return EXIT.usage;
    case "ENGINE_UNAVAILABLE":
    case "ENGINE_LOST":
      return EXIT.noEngine;
    case "ABORTED":
      return EXIT.interrupted;
    default:
      return EXIT.failed;
  }
}

function inspectable(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by ${inspectable(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
