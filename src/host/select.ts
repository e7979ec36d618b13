import * as fs from "node:fs";
import * as path from "node:path";
import type { ImportEntry } from "../engine.js";
import { SandboxError } from "../errors.js";
import type { RefreshOptions, Skipped } from "../options.js";
import { joinBytes, printable } from "./bytes.js";
import { hostError } from "./errors.js";
import { checkHostPath } from "./target.js";
import { describeSpecial, isReadable, walkTree } from "./walk.js";

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
  const entries: ImportEntry[] = [];
  const skipped: Skipped[] = [];
  let bytes = 0;
  const refuse = (relative: Buffer, error: unknown): never => {
    throw hostError(
      error,
      operation,
      "Can't read",
      printable(relative.length === 0 ? root : joinBytes(root, relative)),
    );
  };
  await walkTree(
    root,
    { ...options, operation },
    {
      visit(found) {
        const { kind, stat } = found;
        if (kind === "other") {
          skipped.push({ path: printable(found.path), reason: `it is ${describeSpecial(stat)}` });
          return false;
        }
        const size = kind === "directory" ? 0 : Number(stat.size);
        if (kind === "file") {
          if (!isReadable(found))
            refuse(found.path, Object.assign(new Error("not readable"), { code: "EACCES" }));
          bytes += size;
        }
        const stamp = `${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}:${stat.ino}`;
        entries.push({ path: found.path, type: kind, mode: Number(stat.mode) & 0o1777, size, stamp });
        return true;
      },
      unreadable: refuse,
    },
  );
  return { source: path.resolve(hostPath), entries, bytes, skipped };
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
