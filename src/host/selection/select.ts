import * as fs from "node:fs";
import * as path from "node:path";
import type { ImportEntry } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { amountOf, inodeOf } from "../../files/amount.js";
import { joinBytes, printable } from "../../files/bytes.js";
import { hostError } from "../../files/errors.js";
import { seconds } from "../../files/times.js";
import type { RefreshOptions, Skipped } from "../../options.js";
import { Beneath } from "../../programs/beneath.mjs";
import { checkHostPath } from "../target.js";
import { describeSpecial, type Found, isReadable, walkTree } from "./walk.js";

const operation = "refreshFromHost";

/** What an import brings. */
export interface Selection {
  /** The host directory, absolute, as the engine is to open it. */
  source: string;
  /** Directories before what is in them. */
  entries: ImportEntry[];
  /** Of regular files together. */
  bytes: number;
  /** Devices, sockets and FIFOs. */
  skipped: Skipped[];
}

/**
 * Lists what of a host directory goes into a sandbox: everything, narrowed by `include`, `exclude` and
 * `gitignore`. Links are listed as links and never followed, except that `hostPath` itself may be one.
 *
 * @throws SandboxError NOT_FOUND, NOT_A_DIRECTORY, PERMISSION for a file or directory in it that can't be read,
 * INVALID_ARGUMENT for a bad path or glob, ABORTED.
 */
export async function selectTree(hostPath: string, options: RefreshOptions): Promise<Selection> {
  const root = resolveSource(hostPath);
  const tree = openTree(root);
  try {
    return { source: path.resolve(hostPath), ...(await select(tree, root, options)) };
  } finally {
    tree.close();
  }
}

async function select(
  tree: Beneath,
  root: Buffer,
  options: RefreshOptions,
): Promise<Omit<Selection, "source">> {
  const entries: ImportEntry[] = [];
  const skipped: Skipped[] = [];
  let bytes = 0;
  const refuse = (relative: Buffer, error: unknown): never => {
    const full = relative.length === 0 ? root : joinBytes(root, relative);
    throw hostError(error, operation, "Can't read", printable(full));
  };
  await walkTree(
    tree,
    { ...options, operation },
    {
      visit(found) {
        const { kind, stat } = found;
        if (kind === "other") {
          skipped.push({ path: printable(found.path), reason: `it is ${describeSpecial(stat)}` });
          return false;
        }
        if (kind === "file" && !isReadable(tree, found))
          refuse(found.path, Object.assign(new Error("not readable"), { code: "EACCES" }));
        const entry = entryOf(found, kind);
        if (kind === "file") bytes += entry.size;
        entries.push(entry);
        return true;
      },
      unreadable: refuse,
    },
  );
  return { entries, bytes, skipped };
}

function entryOf({ path, stat }: Found, type: ImportEntry["type"]): ImportEntry {
  const { size, allocated } = type === "directory" ? { size: 0, allocated: 0 } : amountOf(stat);
  const inode = type === "file" ? inodeOf(stat) : undefined;
  return {
    path,
    type,
    mode: Number(stat.mode) & 0o1777,
    size,
    allocated,
    mtime: seconds(stat.mtimeNs),
    ...(inode !== undefined && { inode }),
    stamp: `${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}:${stat.ino}`,
  };
}

function openTree(root: Buffer): Beneath {
  try {
    return new Beneath(root);
  } catch (error) {
    throw hostError(error, operation, "Can't read", printable(root));
  }
}

function resolveSource(hostPath: string): Buffer {
  checkHostPath(hostPath, operation);
  const shown = printable(path.resolve(hostPath));
  let root: Buffer;
  let isDirectory: boolean;
  try {
    root = fs.realpathSync.native(path.resolve(hostPath), { encoding: "buffer" }) as unknown as Buffer;
    isDirectory = fs.statSync(root).isDirectory();
  } catch (error) {
    throw hostError(error, operation, "Can't import", shown);
  }
  if (isDirectory) return root;
  const message = `Can't import ${shown}: it is not a directory. Name the directory that holds it, and use include.`;
  throw new SandboxError("NOT_A_DIRECTORY", message, { operation, path: shown });
}
