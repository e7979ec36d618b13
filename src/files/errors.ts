import { type ErrorCode, SandboxError } from "../errors.js";

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "NOT_FOUND",
  ENOTDIR: "NOT_A_DIRECTORY",
  EISDIR: "NOT_A_FILE",
  EACCES: "PERMISSION",
  EPERM: "PERMISSION",
  EROFS: "PERMISSION",
  ENOSPC: "LIMIT",
  EDQUOT: "LIMIT",
  EFBIG: "LIMIT",
  EMFILE: "LIMIT",
  ENFILE: "LIMIT",
  ENAMETOOLONG: "INVALID_ARGUMENT",
  ELOOP: "INVALID_ARGUMENT",
  EEXIST: "INVALID_ARGUMENT",
};

const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or directory",
  ENOTDIR: "a part of it is not a directory",
  EACCES: "permission denied; give the user that runs forkbox access to it, or leave it out",
  EPERM: "the system does not permit it",
  EROFS: "its file system is mounted read-only",
  ENOSPC: "no space is left on its file system; free some, or choose another place",
  EDQUOT: "the disk quota is used up; free some space, or choose another place",
  EMFILE:
    "this process has as many files open as it may; see `ulimit -n`, and raise it with `ulimit -n 65536` (LimitNOFILE= in a systemd unit) before starting it",
  ENFILE:
    "the whole machine has as many files open as it may; raise it with `sysctl fs.file-max`; `ulimit -n` is each process's own limit",
  EFBIG: "its file system takes no file of that size",
  EEXIST: "two names of the export are the same one on this file system; leave one out with exclude",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "the path is too long for the system",
};

/** The system's own code of an error (`ENOENT`…), or undefined when it isn't one of the system's. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** What the system said about a host path, as a SandboxError. `tried` begins the message: "Can't read". */
export function hostError(error: unknown, operation: string, tried: string, path: string): SandboxError {
  if (error instanceof SandboxError) return error;
  const code = systemCode(error) ?? "";
  const why = ADVICE[code] ?? (error instanceof Error ? error.message : String(error));
  return new SandboxError(CODES[code] ?? "ENGINE_ERROR", `${tried} ${path}: ${why}.`, {
    operation,
    path,
    cause: error,
  });
}

/** Whether an error says that something isn't there (any more), in a tree in which no link is followed. */
export function isGone(error: unknown): boolean {
  const code = systemCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}
