import * as fs from "node:fs";
import { SandboxError } from "../errors.js";
import type { ExportOptions, ExportResult, Skipped } from "../options.js";
import { joinBytes, printable } from "./bytes.js";
import { FileCopier, type LeakScan } from "./copy.js";
import { hostError } from "./errors.js";
import { placeInto } from "./place.js";
import { type Planned, planExport } from "./plan.js";
import { replaceDirectory, stagingPlace } from "./replace.js";
import { Slices } from "./slices.js";
import { removeStale, Staging } from "./staging.js";
import { refuseCostlyReplace, refuseGitTarget, resolveTarget, type Target } from "./target.js";

const operation = "exportDirectory";
const MAX_NAMED = 10;
const NUL = Buffer.alloc(1);

export type ExportTreeOptions = ExportOptions & {
  /** Makes a scan for secrets; one a file. Chunks are reused: keep a copy of what is needed later. */
  leakScanner?: () => LeakScan;
};

/**
 * Copies a sandbox directory to the host. Its content is hostile; nothing may change it meanwhile.
 *
 * Everything is checked first, then built in a private directory next to its place, then moved in by rename,
 * so an export that fails or is aborted leaves the host as it was. The abort signal counts until moving
 * begins. A file is replaced whole. Modes are those of the source without setuid, setgid and sticky, and
 * nobody but the owner may write.
 *
 * @param root - A host directory that shows the sandbox directory; not a link.
 * @returns How many regular files and links were put in place, the bytes of the files, and what was left out.
 * @throws SandboxError UNSAFE_EXPORT, SECRET_LEAK, NOT_A_DIRECTORY and NOT_A_FILE for what is in the way,
 * PERMISSION, LIMIT for a full disk, INVALID_ARGUMENT, ABORTED.
 */
export async function exportTree(
  root: string,
  hostPath: string,
  options: ExportTreeOptions,
): Promise<ExportResult> {
  const target = resolveTarget(hostPath, operation);
  if (options.allowGit !== true) refuseGitTarget(target, operation);
  if (options.replace === true) refuseCostlyReplace(target, options.allowGit === true, operation);
  const { planned, skipped } = await planExport(openRoot(root), target, options);
  const newScan = options.allowSecrets === true ? undefined : options.leakScanner;
  if (options.strict === true) refuseSkipped(skipped, target);
  if (newScan !== undefined) refuseLeaks(leakingNames(planned, newScan), "names in");

  const place = stagingPlace(target, options.replace === true);
  for (const directory of new Set([place.directory, target.anchor])) await removeStale(directory);
  const staging = openStaging(place.directory);
  let result: ExportResult;
  try {
    result = await stage(planned, skipped, staging, place.names, target, newScan, options);
    if (place.replaces) await replaceDirectory(staging, place, target.path);
    else await placeInto(staging.tree, place.directory, new Slices(operation));
  } catch (error) {
    // What went wrong first is what the caller has to know.
    await staging.remove().catch(() => undefined);
    throw error;
  }
  await removeStaging(staging);
  return result;
}

/** Builds the export below `staging.tree`. Throws SECRET_LEAK after everything has been scanned. */
async function stage(
  planned: readonly Planned[],
  skipped: Skipped[],
  staging: Staging,
  names: readonly Buffer[],
  target: Target,
  newScan: (() => LeakScan) | undefined,
  options: ExportOptions,
): Promise<ExportResult> {
  const result = { files: 0, bytes: 0, skipped };
  const slices = new Slices(operation, options.signal);
  const copier = new FileCopier(operation, slices);
  const leaks: string[] = [];
  let top = staging.tree;
  for (const name of names) {
    top = joinBytes(top, name);
    make(target.path, () => fs.mkdirSync(top, 0o755));
  }
  for (const item of planned) {
    if (slices.due()) await slices.rest();
    const to = joinBytes(top, item.path);
    const onHost = (): string => printable(joinBytes(target.path, item.path));
    if (item.kind === "directory") make(target.path, () => fs.mkdirSync(to, 0o755));
    if (item.kind !== "file") continue;
    const { bytes, leak } = await copier.copy(item, to, onHost, newScan?.());
    if (leak) leaks.push(printable(item.path));
    result.files += 1;
    result.bytes += bytes;
  }
  refuseLeaks(leaks, "the content of");
  // Last, so that nothing can be written through one, whatever the file system takes for the same name.
  for (const item of planned) {
    if (item.kind !== "symlink") continue;
    make(target.path, () => fs.symlinkSync(item.target, joinBytes(top, item.path)));
    result.files += 1;
  }
  return result;
}

function make(shown: Buffer, call: () => void): void {
  try {
    call();
  } catch (error) {
    throw hostError(error, operation, "Can't write to", printable(shown));
  }
}

function openRoot(root: string): Buffer {
  const stat = fs.lstatSync(root, { throwIfNoEntry: false });
  if (stat?.isDirectory()) return Buffer.from(root);
  const code = stat === undefined ? "NOT_FOUND" : "NOT_A_DIRECTORY";
  const why = stat === undefined ? "there is no such directory in the sandbox" : "it is not a directory";
  throw new SandboxError(code, `Can't export: ${why}.`, { operation });
}

function openStaging(directory: Buffer): Staging {
  try {
    return new Staging(directory);
  } catch (error) {
    throw hostError(error, operation, "Can't write to", printable(directory));
  }
}

async function removeStaging(staging: Staging): Promise<void> {
  try {
    await staging.remove();
  } catch (error) {
    throw hostError(error, operation, "The export is in place, but can't remove", printable(staging.path));
  }
}

function refuseSkipped(skipped: readonly Skipped[], target: Target): void {
  if (skipped.length === 0) return;
  const list = skipped.slice(0, MAX_NAMED).map(({ path, reason }) => `${path} (${reason})`);
  if (skipped.length > list.length) list.push(`and ${skipped.length - list.length} more`);
  const message = `Refused to export to ${printable(target.path)}, because it is strict: ${list.join(", ")}. Nothing was written. Leave them out with exclude, or export without strict.`;
  throw new SandboxError("UNSAFE_EXPORT", message, { operation, path: skipped[0]?.path });
}

/** Directories of names and link targets that hold a secret: the names themselves must not be shown. */
function leakingNames(planned: readonly Planned[], newScan: () => LeakScan): string[] {
  const leaks: string[] = [];
  let scan = newScan();
  for (const item of planned) {
    const parts = item.kind === "symlink" ? [item.path, NUL, item.target, NUL] : [item.path, NUL];
    if (!parts.map((part) => scan.push(part)).includes(true)) continue;
    const slash = item.path.lastIndexOf(0x2f);
    const above = slash < 0 ? "the top directory" : printable(item.path.subarray(0, slash));
    leaks.push(above);
    scan = newScan();
  }
  return leaks;
}

function refuseLeaks(leaks: readonly string[], where: string): void {
  if (leaks.length === 0) return;
  const list = leaks.slice(0, MAX_NAMED).join(", ");
  const more = leaks.length > MAX_NAMED ? ` and ${leaks.length - MAX_NAMED} more` : "";
  const message = `Refused to export: a secret's value is in ${where} ${list}${more}. Nothing was written. Leave it out with exclude, or pass allowSecrets.`;
  throw new SandboxError("SECRET_LEAK", message, { operation, path: leaks[0] });
}
