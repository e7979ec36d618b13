import { SandboxError } from "../../../errors.js";

/** An answer that says what went wrong. Callers turn it into a SandboxError, knowing what they tried. */
export class QueryFailure extends Error {
  /** Where the engine said so: EXEC_ERROR and what it knows of the command. */
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(message: string, extensions: Readonly<Record<string, unknown>> = {}) {
    const { stderr } = extensions;
    super(readable(typeof stderr === "string" && stderr !== "" ? `${message}: ${stderr}` : message));
    this.extensions = extensions;
  }
}

/**
 * Words count at the end of a message alone, where the engine says what is wrong: before that it names paths, which
 * sandboxed code may have given any words.
 */
const MISSING = /(no such file or directory|not a directory|not exist)( \(and \d+ more\))?$/i;
const NOT_A_FILE = /is a directory(, not a file)?( \(and \d+ more\))?$/i;
const ENDING = /(database not open|session cache is closed)( \(and \d+ more\))?$/i;

/** Whether an engine that is well was asked for a path that is not there. */
export function saysMissing({ message }: QueryFailure): boolean {
  return MISSING.test(message);
}

/** Whether the answer itself says why: then it is no sign of the engine's end. */
export function explains(failure: QueryFailure): boolean {
  const { message, extensions } = failure;
  return extensions._type !== undefined || saysMissing(failure) || NOT_A_FILE.test(message);
}

/** Whether the engine says that it has closed its stores, as it does before it ends. */
export function saysEnding({ message }: QueryFailure): boolean {
  return ENDING.test(message);
}

export function engineLost(operation: string, endpoint: string, cause?: unknown): SandboxError {
  const message = `${operation}: the Dagger session (${endpoint}) ended. Its sandboxes are gone and nothing was changed; create a new one. \`forkbox doctor\` says whether the engine is there.`;
  return new SandboxError("ENGINE_LOST", message, { operation, cause });
}

/** What this process itself has too little of to ask an engine: it says nothing of that engine. */
const OWN_LACKS: readonly unknown[] = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL"];

export function isOwnLack(error: unknown): boolean {
  return OWN_LACKS.includes((error as NodeJS.ErrnoException).code);
}

export function lacking(operation: string, cause: unknown): SandboxError {
  const { code } = cause as NodeJS.ErrnoException;
  const message = `${operation}: this process can't open another connection to its Dagger session (${code}); nothing was changed. Raise its limits (ulimit -n), or do less at once.`;
  return new SandboxError("LIMIT", message, { operation, cause });
}

export function aborted(operation: string, signal: AbortSignal): SandboxError {
  return new SandboxError("ABORTED", `${operation} was aborted; nothing was changed.`, {
    operation,
    cause: signal.reason,
  });
}

/** Runs what asks the engine; what the engine answers is said with the operation it was asked for. */
export async function asking<T>(
  operation: string,
  path: string | undefined,
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof QueryFailure)) throw error;
    const on = path === undefined ? "" : ` ${path}`;
    const message = `${operation}${on}: the Dagger engine answered: ${error.message}`;
    throw new SandboxError("ENGINE_ERROR", message, { operation, path, cause: error });
  }
}

export function unsupported(operation: string, why: string, path?: string): SandboxError {
  const on = path === undefined ? "" : ` ${path}`;
  return new SandboxError("UNSUPPORTED", `${operation}${on}: ${why}`, { operation, path });
}

/** Without what only Dagger's own tracing can read. */
export function readable(message: string): string {
  return message.replaceAll(/\s*\[traceparent:[^\]]*\]/g, "").trim();
}
