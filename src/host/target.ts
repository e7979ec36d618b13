import * as fs from "node:fs";
import * as path from "node:path";
import { SandboxError } from "../errors.js";
import { isGitName, joinBytes, printable, splitBytes } from "../files/bytes.js";
import { hostError, systemCode } from "../files/errors.js";
import { namesOf } from "./selection/names.js";

/** A directory of the host to export into, with the links on the way to it resolved. */
export interface Target {
  path: Buffer;
  /** The deepest directory of the path that exists: the target itself when `missing` is empty. */
  anchor: Buffer;
  /** The names below the anchor that have to be made. */
  missing: readonly Buffer[];
}

/** Throws INVALID_ARGUMENT unless it can be the path of a host directory. */
export function checkHostPath(hostPath: unknown, operation: string): asserts hostPath is string {
  if (typeof hostPath === "string" && hostPath !== "" && !hostPath.includes("\0")) return;
  const message = `${operation}: the host directory must be a path that is not empty and has no NUL byte.`;
  throw new SandboxError("INVALID_ARGUMENT", message, { operation });
}

/** Resolves links as far as the path exists; creates nothing. */
export function resolveTarget(hostPath: string, operation: string): Target {
  checkHostPath(hostPath, operation);
  const wanted = path.resolve(hostPath);
  const missing: Buffer[] = [];
  for (let existing = wanted; ; existing = path.dirname(existing)) {
    const anchor = resolveExisting(existing, wanted, operation);
    if (anchor === undefined) {
      missing.unshift(Buffer.from(path.basename(existing)));
      continue;
    }
    if (!fs.statSync(anchor).isDirectory()) {
      const shown = printable(existing);
      const message = `Can't export to ${printable(wanted)}: ${shown} is not a directory. Move it away, or choose another place.`;
      throw new SandboxError("NOT_A_DIRECTORY", message, { operation, path: shown });
    }
    return { path: missing.reduce(joinBytes, anchor), anchor, missing };
  }
}

/** Throws UNSAFE_EXPORT when the target is a `.git` or lies in one. */
export function refuseGitTarget(target: Target, operation: string): void {
  if (!splitBytes(target.path).some(isGitName)) return;
  const shown = printable(target.path);
  const message = `Refused to export to ${shown}: it is inside a .git, whose hooks and config would run. Choose another place, or pass allowGit.`;
  throw new SandboxError("UNSAFE_EXPORT", message, { operation, path: shown });
}

/** Throws when swapping the target for an export would delete a repository or a whole file system. */
export async function refuseCostlyReplace(
  target: Target,
  allowGit: boolean,
  operation: string,
): Promise<void> {
  const shown = printable(target.path);
  if (splitBytes(target.path).length === 0) {
    throw new SandboxError("INVALID_ARGUMENT", "Refused to replace the root directory of this machine.", {
      operation,
      path: shown,
    });
  }
  if (allowGit || target.missing.length > 0) return;
  const names = await namesOf(target.path);
  if (!names.some((name) => isGitName(Buffer.from(name, "latin1")))) return;
  const message = `Refused to replace ${shown}: it holds a .git, which would be deleted. Export without replace, or pass allowGit.`;
  throw new SandboxError("UNSAFE_EXPORT", message, { operation, path: shown });
}

function resolveExisting(existing: string, wanted: string, operation: string): Buffer | undefined {
  try {
    return fs.realpathSync.native(existing, { encoding: "buffer" }) as unknown as Buffer;
  } catch (error) {
    // ENOENT without an entry is a part still to be made; with one it is a link to nothing.
    if (systemCode(error) === "ENOENT" && !fs.lstatSync(existing, { throwIfNoEntry: false }))
      return undefined;
    throw hostError(
      error,
      operation,
      `Can't export to ${printable(wanted)}: can't resolve`,
      printable(existing),
    );
  }
}
