import { randomBytes } from "node:crypto";
import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { User } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { bytes, fromLatin1, latin1 } from "../layers/tree.js";
import { isSame, placesOfState, refuseState } from "../state/places.js";
import { ImageTree } from "./archive/image-tree.js";
import type { BaseContext } from "./context.js";

const operation = "create";

/**
 * The directory that sandboxes of a root file system stand on: itself, or this session's copy of it where its
 * files belong to users that a sandbox does not have.
 *
 * Throws NOT_FOUND, NOT_A_DIRECTORY, INVALID_ARGUMENT for the machine's own root, UNSUPPORTED where an ordinary
 * caller can't read it whole.
 */
export async function openRootfs(rootfs: string, user: User, context: BaseContext): Promise<string> {
  checkRootfs(rootfs, dirname(context.bases));
  const { ids, directory } = context;
  // Root of a sandbox is nobody on the host, and an ordinary caller's sandboxes have no user but the caller.
  const asItIs = ids.range ? user === "sandbox" : isReadableAndOwn(latin1(rootfs));
  if (asItIs) return rootfs;
  const copy = join(directory, `rootfs-${randomBytes(4).toString("hex")}`);
  mkdirSync(copy, { mode: 0o700 });
  const tree = new ImageTree(copy, ids);
  await copyInto(tree, latin1(rootfs), []);
  tree.endLayer();
  return copy;
}

/** What is wrong with it is said before anything is looked for in it. */
export function checkRootfs(rootfs: string, state: string): void {
  const details = { operation, path: rootfs };
  const stat = statSync(rootfs, { throwIfNoEntry: false });
  if (!stat)
    throw new SandboxError("NOT_FOUND", `${operation}: the base's rootfs ${rootfs} does not exist.`, details);
  if (!stat.isDirectory())
    throw new SandboxError(
      "NOT_A_DIRECTORY",
      `${operation}: the base's rootfs ${rootfs} is not a directory; an archive is given as { archive }.`,
      details,
    );
  if (isSame(stat, statSync("/")))
    throw new SandboxError(
      "INVALID_ARGUMENT",
      `${operation}: the base's rootfs is this machine's own root, with everybody's files; use { host: true }, which shows its toolchain.`,
      details,
    );
  refuseState(rootfs, "the base's rootfs", placesOfState(state));
}

/** Throws where the caller can't read something; false where something is another user's. */
function isReadableAndOwn(path: string): boolean {
  const stat = lstatSync(bytes(path));
  let own = stat.uid === process.getuid?.() && stat.gid === process.getgid?.();
  const { R_OK, X_OK } = constants;
  if (stat.isFile()) requireAccess(path, R_OK);
  if (!stat.isDirectory()) return own;
  requireAccess(path, R_OK | X_OK);
  for (const name of namesIn(path)) own = isReadableAndOwn(`${path}/${name}`) && own;
  return own;
}

function requireAccess(path: string, mode: number): void {
  try {
    accessSync(bytes(path), mode);
  } catch (cause) {
    throw new SandboxError(
      "UNSUPPORTED",
      `${operation}: the base's rootfs can't be used by an ordinary user: ${fromLatin1(path)} is not readable. Make it readable, or run as root.`,
      { operation, path: fromLatin1(path), cause },
    );
  }
}

/** Copies a directory's content, without devices, sockets and FIFOs. Hard links in it stay together. */
async function copyInto(
  tree: ImageTree,
  from: string,
  to: readonly string[],
  links: Map<string, readonly string[]> = new Map(),
): Promise<void> {
  const stat = lstatSync(bytes(from));
  const { uid, gid, mode, mtime } = stat;
  const attributes = { uid, gid, mode, mtime };
  const first = stat.isDirectory() || stat.nlink === 1 ? undefined : links.get(inodeOf(stat));
  if (first) return tree.addLink(to, first);
  if (stat.nlink > 1 && !stat.isDirectory()) links.set(inodeOf(stat), to);
  if (stat.isFile()) await tree.addCopy(to, attributes, bytes(from));
  else if (stat.isSymbolicLink())
    tree.addSymlink(to, { ...attributes, linkname: readlinkSync(bytes(from), "latin1") });
  else if (stat.isDirectory()) {
    tree.addDirectory(to, attributes);
    for (const name of namesIn(from)) await copyInto(tree, `${from}/${name}`, [...to, name], links);
  }
}

function inodeOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}

function namesIn(path: string): string[] {
  return readdirSync(bytes(path), { encoding: "latin1" });
}
