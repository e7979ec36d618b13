import * as fs from "node:fs";
import { SandboxError } from "../errors.js";
import { printable } from "./bytes.js";

const MAX_NAMED = 5;
const BLOCK = 4096;
const SMALL = 1024 * 1024;

/** A file's share of what a copy takes. */
export interface Amount {
  path: Buffer;
  /** Its length, holes included. */
  size: number;
  /** Bytes that it takes on the disk. */
  allocated: number;
  /** Of a file with several names, the same for each of them: it counts once. */
  inode?: string | undefined;
}

/** Length and share of the disk, which gives whole blocks and may give some ahead. */
export function amountOf({ size, blocks }: fs.BigIntStats): { size: number; allocated: number } {
  const length = Number(size);
  return { size: length, allocated: Math.min(Math.ceil(length / BLOCK) * BLOCK, Number(blocks) * 512) };
}

/** Whether it is worth skipping what a file has no data for. */
export function isSparse({ size, allocated }: Pick<Amount, "size" | "allocated">): boolean {
  return size > SMALL && allocated < size;
}

/** What a file's other names have too; undefined where it has none. Its time is in it: no two files share all of this. */
export function inodeOf({ nlink, dev, ino, size, mtimeNs, ctimeNs }: fs.BigIntStats): string | undefined {
  return nlink > 1n ? `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}` : undefined;
}

/** A file with several names counts once. */
function totalOf(files: Iterable<Amount>, count: (file: Amount) => number): number {
  const counted = new Set<string>();
  let total = 0;
  for (const file of files) {
    if (file.inode !== undefined && counted.has(file.inode)) continue;
    if (file.inode !== undefined) counted.add(file.inode);
    total += count(file);
  }
  return total;
}

/** Throws LIMIT when files are larger than `most` bytes together, holes not counted, or when one is with its holes. */
export function refuseTooMuch(
  files: readonly Amount[],
  most: number,
  operation: string,
  limit: string,
  advice: string,
): void {
  const total = totalOf(files, ({ size, allocated }) => Math.min(size, allocated));
  const tooLong = files.some(({ size }) => size > most);
  if (total <= most && !tooLong) return;
  const what = tooLong ? "a file is longer than that" : `the files have ${total} bytes`;
  throw tooMuch(files, operation, `${operation}: ${what}, and ${limit} is ${most} bytes`, advice);
}

/** Throws LIMIT when files take more than is left on the disk of a directory. */
export function refuseTooLittleRoom(
  files: readonly Amount[],
  directory: Buffer | string,
  operation: string,
  advice: string,
): void {
  const room = roomAt(directory);
  const total = totalOf(files, ({ allocated }) => allocated);
  if (room === undefined || total <= room) return;
  const where = printable(directory);
  throw tooMuch(
    files,
    operation,
    `${operation}: the files take ${total} bytes, and the disk of ${where} has ${room} left`,
    advice,
  );
}

/** Undefined where the file system doesn't say. */
function roomAt(directory: Buffer | string): number | undefined {
  try {
    const { blocks, bavail, bfree, bsize } = fs.statfsSync(directory);
    // What is kept back for root is there for root.
    return blocks === 0 ? undefined : (process.geteuid?.() === 0 ? bfree : bavail) * bsize;
  } catch {
    return undefined;
  }
}

function tooMuch(files: readonly Amount[], operation: string, why: string, advice: string): SandboxError {
  const largest = [...files].sort((a, b) => b.size - a.size).slice(0, MAX_NAMED);
  const list = largest.map(({ path, size }) => `${printable(path)} (${size} bytes)`).join(", ");
  const message = `${why}. The largest: ${list}. Nothing was changed. ${advice}`;
  return new SandboxError("LIMIT", message, {
    operation,
    path: largest[0] && printable(largest[0].path),
  });
}
