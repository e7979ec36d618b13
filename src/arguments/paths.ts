import { SandboxError } from "../errors.js";

const LONGEST_NAME_BYTES = 255;

/** Refuses what can be no path of a sandbox, whatever the workdir is. */
export function checkPath(path: unknown, operation: string, what = "path"): asserts path is string {
  if (typeof path !== "string" || path === "") {
    throw invalidPath(`the ${what} must be a string that is not empty`, operation);
  }
  if (path.includes("\0")) throw invalidPath(`the ${what} has a NUL byte in it`, operation);
  if (path.startsWith("/")) absolutePath("/", path, operation);
}

/**
 * The absolute, normal form of a sandbox path. `..` goes up by name, before any link is followed.
 * @throws SandboxError INVALID_ARGUMENT where `..` leaves the root, and for a name no file system takes.
 */
export function absolutePath(workdir: string, path: string, operation: string): string {
  const parts: string[] = [];
  const whole = path.startsWith("/") ? path : `${workdir}/${path}`;
  for (const part of whole.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") {
      parts.push(part);
    } else if (parts.pop() === undefined) {
      throw invalidPath(`${path} leaves the sandbox's root with \`..\``, operation, path);
    }
    if (part.length * 3 > LONGEST_NAME_BYTES && Buffer.byteLength(part) > LONGEST_NAME_BYTES) {
      throw invalidPath(`a name in ${path} is longer than ${LONGEST_NAME_BYTES} bytes`, operation, path);
    }
  }
  return `/${parts.join("/")}`;
}

function invalidPath(why: string, operation: string, path?: string): SandboxError {
  return new SandboxError("INVALID_ARGUMENT", `${operation}: ${why}.`, { operation, path });
}
