import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { asking } from "./errors.js";
import { placeTree } from "./place.js";
import type { QueryOptions } from "./session.js";
import type { DaggerSnapshot } from "./snapshot.js";
import type { Placement } from "./write.js";

const FILES_PER_SLICE = 64;

/** Puts all files in as one staged tree, in one step however many they are. */
export async function writeMany(
  from: DaggerSnapshot,
  placement: Placement,
  owner: string,
  asked: QueryOptions,
): Promise<DaggerSnapshot> {
  return asking(asked.operation, undefined, async () => {
    const staged = await from.workspace.state.stage(hashOf(placement), (directory) =>
      fill(directory, placement),
    );
    return placeTree(from, staged, [...placement.onto], owner, asked);
  });
}

/** Small files take many times as long through the thread pool. */
async function fill(directory: string, { directories, files, onto }: Placement): Promise<void> {
  for (const path of [...onto, ...directories]) mkdirSync(directory + path, { recursive: true });
  for (const path of directories) chmodSync(directory + path, 0o755);
  let index = 0;
  for (const [path, { data, mode }] of files) {
    if (++index % FILES_PER_SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
    writeFileSync(directory + path, data);
    chmodSync(directory + path, mode);
  }
}

function hashOf({ directories, files, onto }: Placement): string {
  const hash = createHash("sha256").update(JSON.stringify(["write", [...onto], [...directories]]));
  for (const [path, { data, mode }] of files) {
    hash.update(`\n${JSON.stringify([path, mode, data.length])}\n`).update(data);
  }
  return hash.digest("hex");
}
