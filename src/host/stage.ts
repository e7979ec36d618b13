import * as fs from "node:fs";
import { joinBytes, printable } from "../files/bytes.js";
import type { Copied } from "../files/copy-data.js";
import { hostError } from "../files/errors.js";
import type { Slices } from "../files/slices.js";
import { Beneath } from "../programs/beneath.mjs";
import type { LeakScan } from "../redaction/leaks.js";
import { FileCopier } from "./copy.js";
import { refuseLeaks } from "./leaks.js";
import type { Planned } from "./plan.js";

const operation = "exportDirectory";
const SLASH = Buffer.from("/");

/** What {@link stage} builds, and where. */
export interface StageInput {
  /** Of the sandbox. */
  tree: Beneath;
  planned: readonly Planned[];
  /** An empty directory to build in. */
  directory: Buffer;
  /** Directories to build around it. */
  names: readonly Buffer[];
  /** Where it will be in the end, for messages. */
  target: Buffer;
  newScan: (() => LeakScan) | undefined;
  slices: Slices;
}

type File = Planned & { kind: "file" };

/**
 * Builds an export, except for the files that the host has already: those are left alone, which keeps their
 * time stamps and is a fraction of the work. Throws SECRET_LEAK after all content has been scanned.
 */
export async function stage(input: StageInput): Promise<{ files: number; bytes: number }> {
  const { target, slices } = input;
  let top = input.directory;
  for (const name of input.names) {
    top = joinBytes(top, name);
    make(target, () => fs.mkdirSync(top, 0o755));
  }
  const staged = new Beneath(top);
  const copier = new FileCopier(operation, input.tree, slices);
  try {
    return await fill(input, top, staged, copier);
  } finally {
    await copier.close();
    staged.close();
  }
}

async function fill(input: StageInput, top: Buffer, staged: Beneath, copier: FileCopier) {
  const { planned, target, newScan, slices } = input;
  const result = { files: 0, bytes: 0 };
  const leaks: string[] = [];
  /** The copies of files that have more names. */
  const copies = new Map<string, { path: Buffer; copied: Copied }>();
  const place = (path: Buffer) => staged.place(path.toString("latin1"));
  const copy = async (item: File): Promise<Copied> => {
    const twin = item.twin && (await copier.compare(item, item.twin, newScan?.()));
    if (twin !== undefined) return twin;
    const same = item.inode === undefined ? undefined : copies.get(item.inode);
    if (same && link(joinBytes(top, same.path), place(item.path))) return { ...same.copied, leak: false };
    const onHost = (): string => printable(joinBytes(target, item.path));
    const copied = await copier.copy(item, place(item.path), onHost, newScan?.());
    if (item.inode !== undefined) copies.set(item.inode, { path: item.path, copied });
    return copied;
  };
  for (const item of planned) {
    if (slices.due()) await slices.rest();
    if (item.kind === "directory") make(target, () => fs.mkdirSync(place(item.path), 0o755));
    if (item.kind !== "file") continue;
    const { bytes, leak } = await copy(item);
    if (leak) leaks.push(printable(item.path));
    result.files += 1;
    result.bytes += bytes;
  }
  refuseLeaks(leaks, "the content of");
  // Last, so that nothing can be written through one, whatever the file system takes for the same name.
  for (const item of planned) {
    if (item.kind !== "symlink") continue;
    if (slices.due()) await slices.rest();
    make(target, () => fs.symlinkSync(item.target, place(item.path)));
    make(target, () => fs.lutimesSync(place(item.path), item.mtime, item.mtime));
    result.files += 1;
  }
  // What is put into a directory changes its time. Those that the host has already keep theirs.
  for (let index = planned.length - 1; index >= 0; index -= 1) {
    const item = planned[index] as Planned;
    if (item.kind !== "directory") continue;
    if (slices.due()) await slices.rest();
    make(target, () => fs.utimesSync(place(Buffer.concat([item.path, SLASH])), item.mtime, item.mtime));
  }
  return result;
}

/** False where the file system has no such links, or takes no more of them. */
function link(from: Buffer, to: Buffer): boolean {
  try {
    fs.linkSync(from, to);
    return true;
  } catch {
    return false;
  }
}

function make(shown: Buffer, call: () => void): void {
  try {
    call();
  } catch (error) {
    throw hostError(error, operation, "Can't write to", printable(shown));
  }
}
