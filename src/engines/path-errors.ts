import { type ErrorCode, SandboxError } from "../errors.js";

// What a path of a sandbox turned out to be, in the same words on every engine.

export function notFound(path: string, operation: string): SandboxError {
  return fail("NOT_FOUND", path, operation, "there is no such file or directory in the sandbox.");
}

/** `culprit` is the part of the path that should be one. */
export function notADirectory(path: string, culprit: string, operation: string): SandboxError {
  return fail("NOT_A_DIRECTORY", path, operation, `${culprit} is not a directory.`);
}

export function notAFile(path: string, operation: string): SandboxError {
  return fail("NOT_A_FILE", path, operation, "it is not a regular file.");
}

export function notEmpty(path: string, operation: string): SandboxError {
  const why = "it is a directory that is not empty; pass { recursive: true } to delete it whole.";
  return fail("NOT_A_FILE", path, operation, why);
}

export function tooManyLinks(path: string, operation: string): SandboxError {
  return fail("NOT_FOUND", path, operation, "too many links, or a loop of them.");
}

function fail(code: ErrorCode, path: string, operation: string, why: string): SandboxError {
  return new SandboxError(code, `${operation} ${path}: ${why}`, { operation, path });
}

export function tooLong(path: string, operation: string, cause: unknown): SandboxError {
  const message = `${operation} ${path}: a name or path is longer than Linux takes (255 bytes a part, 4,095 together).`;
  return new SandboxError("INVALID_ARGUMENT", message, { operation, path, cause });
}
