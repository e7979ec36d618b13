import { randomBytes } from "node:crypto";
import { accessSync, constants, lchownSync, lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { SandboxError } from "../../errors.js";
import type { BaseContext } from "./base.js";
import type { Ids } from "./ids.js";

/** Throws where a root file system is none, or can't be read whole by this caller. */
export function checkRootfs(rootfs: string, ids: Ids): void {
  const stat = statSync(rootfs, { throwIfNoEntry: false });
  if (!stat)
    throw new SandboxError("NOT_FOUND", `The base's rootfs ${rootfs} does not exist.`, {
      operation: "create",
      path: rootfs,
    });
  if (!stat.isDirectory())
    throw new SandboxError(
      "NOT_A_DIRECTORY",
      `The base's rootfs ${rootfs} is not a directory; an archive is given as { archive }.`,
      { operation: "create", path: rootfs },
    );
  if (!ids.range) checkReadable(rootfs);
}

/** Root of a sandbox is nobody on the host, so it gets a copy whose files are its own. */
export async function shiftedCopy(rootfs: string, { directory, holder, ids }: BaseContext): Promise<string> {
  const copy = join(directory, `rootfs-${randomBytes(4).toString("hex")}`);
  await holder.task("cp", "-a", "--", rootfs, copy);
  shift(copy, (ids.owner("root")?.uid ?? 0) as number);
  return copy;
}

function shift(path: string, by: number): void {
  const { uid, gid } = lstatSync(path);
  lchownSync(path, uid + by, gid + by);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) shift(join(path, name), by);
}

function checkReadable(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isSymbolicLink() || !(entry.isDirectory() || entry.isFile())) continue;
    try {
      accessSync(child, entry.isDirectory() ? constants.R_OK | constants.X_OK : constants.R_OK);
    } catch (cause) {
      throw new SandboxError(
        "UNSUPPORTED",
        `The base's rootfs can't be used by an ordinary user: ${child} is not readable. Make it readable, or run as root.`,
        { operation: "create", path: child, cause },
      );
    }
    if (entry.isDirectory()) checkReadable(child);
  }
}
