import * as fs from "node:fs";
import { promisify } from "node:util";
import { Beneath } from "../../programs/beneath.mjs";
import { nextTurn } from "../../timers.js";

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = fs.constants;
/** Few enough that taking them stops the event loop for a moment only. */
const BATCH = 1000;
const readAll = promisify(fs.readdir);

/**
 * The names in a directory of a tree, as latin1 of their bytes, sorted. A large one is read in the thread pool: an overlay
 * merges all of it for the first entry. Throws what the system throws, ENOTDIR for a link too.
 */
export async function readNames(tree: Beneath, path: string): Promise<string[]> {
  const descriptor = fs.openSync(tree.place(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  // Open, so that it names the same directory for as long as reading takes; only Linux has such names.
  const place =
    process.platform === "linux" ? `/proc/self/fd/${descriptor}/.` : tree.place(path).toString("latin1");
  try {
    return (
      (await readBatches(place)) ?? (await readAll(Buffer.from(place, "latin1"), { encoding: "latin1" }))
    );
  } finally {
    fs.closeSync(descriptor);
  }
}

/** The same of one directory by its path, which nobody hostile has a say in. */
export async function namesOf(directory: Buffer): Promise<string[]> {
  const tree = new Beneath(directory);
  try {
    return await readNames(tree, "");
  } finally {
    tree.close();
  }
}

/** Whether nothing is in a directory. */
export function isEmpty(directory: Buffer): boolean {
  const opened = fs.opendirSync(directory as unknown as string, { bufferSize: 1 });
  try {
    return opened.readSync() === null;
  } finally {
    opened.closeSync();
  }
}

/** Undefined where the file system does not tell types, for which Node would look by names that it can't spell. */
async function readBatches(place: string): Promise<string[] | undefined> {
  const directory = fs.opendirSync(place, { encoding: "latin1" as BufferEncoding, bufferSize: BATCH });
  const batches: string[][] = [];
  try {
    for (;;) {
      const batch: string[] = [];
      for (let entry = await directory.read(); entry !== null; entry = directory.readSync()) {
        if (batch.push(entry.name) === BATCH) break;
      }
      batches.push(batch.sort());
      if (batch.length < BATCH) return await merge(batches);
    }
  } catch {
    return undefined;
  } finally {
    directory.closeSync();
  }
}

/** One sorted list of several, a little at a time. */
async function merge(lists: string[][]): Promise<string[]> {
  for (let queue = lists; ; ) {
    const [first = [], second, ...rest] = queue;
    if (second === undefined) return first;
    queue = [...rest, mergeTwo(first, second)];
    await nextTurn();
  }
}

function mergeTwo(a: readonly string[], b: readonly string[]): string[] {
  const merged: string[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const takesA = j === b.length || (i < a.length && (a[i] as string) < (b[j] as string));
    merged.push((takesA ? a[i++] : b[j++]) as string);
  }
  return merged;
}
