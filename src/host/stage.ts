import * as fs from "node:fs";
import type { LeakScan } from "../redaction/leaks.js";
import { joinBytes, printable } from "./bytes.js";
import { FileCopier } from "./copy.js";
import { hostError } from "./errors.js";
import { refuseLeaks } from "./leaks.js";
import type { Planned } from "./plan.js";
import type { Slices } from "./slices.js";

const operation = "exportDirectory";

/** What {@link stage} builds, and where. */
export interface StageInput {
  planned: readonly Planned[];
  /** An empty directory to build in. */
  tree: Buffer;
  /** Directories to build around it. */
  names: readonly Buffer[];
  /** Where it will be in the end, for messages. */
  target: Buffer;
  newScan: (() => LeakScan) | undefined;
  slices: Slices;
}

/**
 * Builds an export, except for the files that the host has already: those are left alone, which keeps their
 * time stamps and is a fraction of the work. Throws SECRET_LEAK after all content has been scanned.
 */
export async function stage(input: StageInput): Promise<{ files: number; bytes: number }> {
  const { planned, target, newScan, slices } = input;
  const result = { files: 0, bytes: 0 };
  const copier = new FileCopier(operation, slices);
  const leaks: string[] = [];
  let top = input.tree;
  for (const name of input.names) {
    top = joinBytes(top, name);
    make(target, () => fs.mkdirSync(top, 0o755));
  }
  for (const item of planned) {
    if (slices.due()) await slices.rest();
    if (item.kind === "directory") make(target, () => fs.mkdirSync(joinBytes(top, item.path), 0o755));
    if (item.kind !== "file") continue;
    const onHost = (): string => printable(joinBytes(target, item.path));
    const { bytes, leak } =
      (item.twin && (await copier.compare(item, item.twin, newScan?.()))) ??
      (await copier.copy(item, joinBytes(top, item.path), onHost, newScan?.()));
    if (leak) leaks.push(printable(item.path));
    result.files += 1;
    result.bytes += bytes;
  }
  refuseLeaks(leaks, "the content of");
  // Last, so that nothing can be written through one, whatever the file system takes for the same name.
  for (const item of planned) {
    if (item.kind !== "symlink") continue;
    make(target, () => fs.symlinkSync(item.target, joinBytes(top, item.path)));
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
