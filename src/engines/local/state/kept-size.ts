import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { KeptSize } from "../../admin-types.js";
import { takeUnused, usedByLiveSessions } from "./in-use.js";
import { diskBytes } from "./sessions.js";
import { openState, type State, stateDirectory } from "./state.js";

const DEFAULT_MIB = 10_240;

/** What kept setups may take together: `FORKBOX_KEPT_MIB`, in MiB. What is no number above 0 is not taken for one. */
export function keptLimitBytes(env: NodeJS.ProcessEnv = process.env): number {
  const given = Number(env.FORKBOX_KEPT_MIB);
  return (given > 0 && Number.isFinite(given) ? given : DEFAULT_MIB) * 1024 * 1024;
}

/** For `forkbox ps` and `forkbox prune`. */
export async function keptSize(directory: string = stateDirectory()): Promise<KeptSize> {
  const limitBytes = keptLimitBytes();
  if (!existsSync(join(directory, "kept"))) return { count: 0, bytes: 0, limitBytes };
  const kept = keptSetups(openState(directory));
  return { count: kept.length, bytes: kept.reduce((sum, { bytes }) => sum + bytes, 0), limitBytes };
}

/**
 * Sets aside the kept setups that were not used for the longest, until the others fit, and gives what is to be removed.
 * What a live session stands on stays, also above the limit: it is looked at and set aside under a lock, alone.
 */
export async function takeOverLimit(state: State, limitBytes: number = keptLimitBytes()): Promise<string[]> {
  const kept = keptSetups(state);
  let bytes = kept.reduce((sum, each) => sum + each.bytes, 0);
  if (bytes <= limitBytes) return [];
  const used = usedByLiveSessions(state);
  const victims: string[] = [];
  // One that is too large by itself would otherwise take all the others with it.
  const tooLarge = kept.filter((each) => each.bytes > limitBytes);
  const oldest = kept.filter((each) => !tooLarge.includes(each)).sort((a, b) => a.usedAt - b.usedAt);
  for (const each of [...tooLarge, ...oldest]) {
    if (bytes <= limitBytes) break;
    if (used(each.path)) continue;
    victims.push(each.path);
    bytes -= each.bytes;
  }
  return takeUnused(victims, state);
}

/** Once a setup: that of 100,000 files takes a second to add up, and never changes. */
export async function rememberSize(place: string): Promise<void> {
  // What sandboxed code has closed to an ordinary caller is not counted, and is no failure.
  const { stdout } = await promisify(execFile)("du", ["-sk", "--", place]).catch((error) => error);
  writeFileSync(join(place, SIZE), String((Number.parseInt(stdout, 10) || 0) * 1024));
}

const SIZE = "bytes";

/** Whole ones, also those that were forgotten while something stood on them. */
function keptSetups({ kept }: State): { path: string; bytes: number; usedAt: number }[] {
  return readdirSync(kept)
    .filter((name) => !name.includes("."))
    .map((name) => join(kept, name))
    .flatMap((path) => {
      const usedAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
      return usedAt === undefined ? [] : [{ path, bytes: sizeOf(path), usedAt }];
    });
}

function sizeOf(place: string): number {
  try {
    return Number(readFileSync(join(place, SIZE), "utf8")) || 0;
  } catch {
    return diskBytes([place]); // of an earlier version, which did not write it down
  }
}
