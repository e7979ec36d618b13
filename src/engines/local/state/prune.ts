import { closeSync, existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { wallClock } from "../../../timers.js";
import type { Pruned, PruneOptions } from "../../admin-types.js";
import { Holder } from "../holder/holder.js";
import { idsOfCaller } from "../holder/ids.js";
import { isLive, takeUnused, usedByLiveSessions } from "./in-use.js";
import { diskBytes } from "./sessions.js";
import { openSession, openState, type State, stateDirectory } from "./state.js";

/**
 * Removes what dead processes left, and with `all` or `olderThanMs` kept setups, bases, caches and copies of large
 * files that no live one uses.
 */
export async function prune(
  { all = false, olderThanMs }: PruneOptions,
  directory: string = stateDirectory(),
): Promise<Pruned> {
  if (!existsSync(join(directory, "sessions"))) return { sessions: 0, kept: 0, bytes: 0 };
  const state = openState(directory);
  // Not even looked at while it starts: the look is a lock, which its holder is about to take.
  const dead = readdirSync(state.sessions)
    .map((id) => join(state.sessions, id))
    .filter((path) => !isStarting(path) && !isLive(path));
  const isRest = (path: string) => isDraft(path) || isForgotten(path, state);
  const used = usedByLiveSessions(state);
  const old = [state.kept, state.bases, state.caches, state.files]
    .flatMap((place) => readdirSync(place).map((name) => join(place, name)))
    .filter((path) => !isBeingMade(path) && !used(path))
    .filter((path) => all || isRest(path) || (olderThanMs !== undefined && ageMs(path) > olderThanMs));
  if (dead.length + old.length === 0) return { sessions: 0, kept: 0, bytes: 0 };
  const bytes = diskBytes([...dead, ...old]);
  const rests = old.filter(isRest).length;
  // In a holder, since an ordinary caller can delete some directories only there.
  const { hidden, lease } = openSession(state.sessions);
  const holder = await Holder.start(hidden, hidden, idsOfCaller(), lease).finally(() => closeSync(lease));
  try {
    await holder.run("reclaim", state.sessions);
    const gone = await takeUnused(old, state);
    if (gone.length > 0) await holder.run("rm", "-rf", "--", ...gone);
    return { sessions: dead.length, kept: Math.max(0, gone.length - rests), bytes };
  } finally {
    await holder.close();
  }
}

function isStarting(session: string): boolean {
  return /\/\.[^/]*$/.test(session) && ageMs(session) < 60_000;
}

function isKept(path: string, { kept }: State): boolean {
  return dirname(path) === kept;
}

/** Replaced or forgotten while something stood on it. */
function isForgotten(path: string, state: State): boolean {
  return isKept(path, state) && !existsSync(join(path, "meta.json"));
}

/** Half-made, or half-removed, by a process that was killed. */
function isDraft(path: string): boolean {
  return DRAFT.test(path) && !isBeingMade(path);
}

/** Who makes one touches it. */
function isBeingMade(path: string): boolean {
  return DRAFT.test(path) && ageMs(path) <= 60_000;
}

const DRAFT = /\.(gone-)?[0-9a-f]{8}$/;

function ageMs(path: string): number {
  return wallClock() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? wallClock());
}
