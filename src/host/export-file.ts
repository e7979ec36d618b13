import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { SandboxError } from "../errors.js";
import { isGitName, printable } from "../files/bytes.js";
import { hostError } from "../files/errors.js";
import { Slices } from "../files/slices.js";
import { type ExportTreeOptions, exportTree } from "./export.js";
import { removeTree } from "./remove.js";
import { temporaryName } from "./staging.js";

const operation = "exportFile";
const SPECIAL = /[\\*?[\]{}()!+@]/g;

/**
 * Copies one file of a sandbox directory to a place of the host, whole or not at all. A link or file that is there is
 * replaced. It gives the file's bytes.
 *
 * @param root - A host directory that shows the sandbox directory; not a link.
 * @throws SandboxError as {@link exportTree}; NOT_A_FILE where a directory is in the way.
 */
export async function exportFile(
  root: string,
  name: string,
  hostPath: string,
  options: Pick<ExportTreeOptions, "allowSecrets" | "allowGit" | "maxBytes" | "signal" | "leakScanner">,
): Promise<number> {
  if (options.allowGit !== true && isGitName(Buffer.from(basename(hostPath)))) throw refusedGit(hostPath);
  // Named so that what a killed process leaves is taken away by a later export to this directory.
  const private_ = join(dirname(hostPath), temporaryName());
  try {
    const include = [name.replace(SPECIAL, "\\$&")];
    const { bytes, files, skipped } = await exportTree(root, private_, { ...options, include, strict: true });
    if (files !== 1 || skipped.length > 0) throw gone(name);
    fs.renameSync(join(private_, name), hostPath);
    return bytes;
  } catch (error) {
    throw hostError(error, operation, "Can't export to", printable(hostPath));
  } finally {
    await removeTree(Buffer.from(private_), new Slices(operation)).catch(() => undefined);
  }
}

function refusedGit(hostPath: string): SandboxError {
  const shown = printable(hostPath);
  const message = `Refused to export to ${shown}: git would take it for where a repository is. Choose another name, or pass allowGit.`;
  return new SandboxError("UNSAFE_EXPORT", message, { operation, path: shown });
}

function gone(name: string): SandboxError {
  const message = `Can't export ${printable(name)}: it is not a regular file of the sandbox that can be exported.`;
  return new SandboxError("NOT_A_FILE", message, { operation, path: printable(name) });
}
