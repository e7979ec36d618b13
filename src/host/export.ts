import * as fs from "node:fs";
import { SandboxError } from "../errors.js";
import { type Amount, refuseTooLittleRoom, refuseTooMuch } from "../files/amount.js";
import { parentOf, printable } from "../files/bytes.js";
import { hostError } from "../files/errors.js";
import { Slices } from "../files/slices.js";
import type { ExportOptions, ExportResult, Skipped } from "../options.js";
import { Beneath } from "../programs/beneath.mjs";
import type { LeakScan } from "../redaction/leaks.js";
import { refuseLeakingNames } from "./leaks.js";
import { placeInto } from "./place.js";
import { type Planned, planExport } from "./plan.js";
import { replaceDirectory, stagingPlace } from "./replace.js";
import { stage } from "./stage.js";
import { removeStale, Staging } from "./staging.js";
import { refuseCostlyReplace, refuseGitTarget, resolveTarget, type Target } from "./target.js";

const operation = "exportDirectory";
const MAX_NAMED = 10;

export type ExportTreeOptions = ExportOptions & {
  /** Makes a scan for secrets; one a file. Chunks are reused: keep a copy of what is needed later. */
  leakScanner?: () => LeakScan;
};

/**
 * Copies a sandbox directory to the host. Its content is hostile, and even if something were changing it meanwhile,
 * nothing outside of it is read.
 *
 * Everything is checked first, then built in a private directory next to its place, then moved in by rename,
 * so an export that fails or is aborted before leaves the host as it was; one that is aborted while many files are
 * being moved leaves those that were. A file is replaced whole. Modes are those of the source without setuid, setgid
 * and sticky, and nobody but the owner may write.
 *
 * @param root - A host directory that shows the sandbox directory; not a link.
 * @returns How many regular files and links were put in place, the bytes of the files, and what was left out.
 * @throws SandboxError UNSAFE_EXPORT, SECRET_LEAK, NOT_A_DIRECTORY and NOT_A_FILE for what is in the way,
 * PERMISSION, LIMIT for a full disk and for `maxBytes`, INVALID_ARGUMENT, ABORTED.
 */
export async function exportTree(
  root: string,
  hostPath: string,
  options: ExportTreeOptions,
): Promise<ExportResult> {
  const target = resolveTarget(hostPath, operation);
  try {
    return await exportTo(target, root, options);
  } catch (error) {
    throw hostError(error, operation, "Can't export to", printable(target.path));
  }
}

async function exportTo(target: Target, root: string, options: ExportTreeOptions): Promise<ExportResult> {
  if (options.allowGit !== true) refuseGitTarget(target, operation);
  if (options.replace === true) await refuseCostlyReplace(target, options.allowGit === true, operation);
  const tree = openRoot(root);
  try {
    return await exportFrom(tree, target, options);
  } finally {
    tree.close();
  }
}

async function exportFrom(tree: Beneath, target: Target, options: ExportTreeOptions): Promise<ExportResult> {
  const { planned, skipped } = await planExport(tree, target, options);
  const newScan = options.allowSecrets === true ? undefined : options.leakScanner;
  const slices = new Slices(operation, options.signal);
  if (options.strict === true) refuseSkipped(skipped, target);
  if (newScan !== undefined) await refuseLeakingNames(planned, newScan, slices);

  const place = stagingPlace(target, options.replace === true);
  refuseAmount(planned, place.directory, options.maxBytes);
  for (const directory of [target.anchor, parentOf(target.path)]) await removeStale(directory);
  const staging = openStaging(place.directory);
  let result: ExportResult;
  try {
    const { names } = place;
    const input = { tree, planned, directory: staging.tree, names, target: target.path, newScan, slices };
    result = { ...(await stage(input)), skipped };
    const placing = new Slices(operation, options.signal, "what was in place by then is there, whole");
    if (place.replaces) await replaceDirectory(staging, place, target.path, placing);
    else await placeInto(staging.tree, place.directory, placing);
  } catch (error) {
    // What went wrong first is what the caller has to know.
    await staging.remove().catch(() => undefined);
    throw error;
  }
  await removeStaging(staging);
  return result;
}

/** Before anything is copied. What the host has already takes nothing more. */
function refuseAmount(planned: readonly Planned[], directory: Buffer, maxBytes: number | undefined): void {
  const files: (Amount & { twin?: Buffer })[] = planned.filter((item) => item.kind === "file");
  const advice = "Leave files out with exclude";
  if (maxBytes !== undefined)
    refuseTooMuch(files, maxBytes, operation, "maxBytes", `${advice}, or raise maxBytes.`);
  const fresh = files.filter(({ twin }) => twin === undefined);
  refuseTooLittleRoom(fresh, directory, operation, `${advice}, free some space, or choose another place.`);
}

function openRoot(root: string): Beneath {
  const stat = fs.lstatSync(root, { throwIfNoEntry: false });
  if (stat?.isDirectory()) return new Beneath(root);
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
