import type { ErrorCode } from "../../../../errors.js";

/** What is wrong with an archive, as the end of a sentence that begins with its name. */
export class ArchiveError extends Error {
  constructor(
    message: string,
    readonly code: ErrorCode = "INVALID_ARGUMENT",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A name from an archive, for a message. */
export function shown(name: string): string {
  return JSON.stringify(Buffer.from(name, "latin1").toString().slice(0, 200));
}
