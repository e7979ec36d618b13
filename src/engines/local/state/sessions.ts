import { spawnSync } from "node:child_process";
import { closeSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { wallClock } from "../../../timers.js";
import type { Pruned, PruneOptions, Session } from "../../admin-types.js";
import { Holder } from "../holder/holder.js";
import { idsOfCaller } from "../holder/ids.js";
import { isLive, takeUnused, usedByLiveSessions } from "./in-use.js";
import { openSession, openState, type State, stateDirectory } from "./state.js";

/** The engines of all processes that use this state directory, dead ones included. */
export async function listSessions(directory: string = stateDirectory()): Promise<Session[]> {
  if (!existsSync(join(directory, "sessions"))) return [];
  const { sessions } = openState(directory);
  const commands = runningCommands();
  return readdirSync(sessions)
    .filter((id) => !id.startsWith("."))
    .flatMap((id) => describe(id, join(sessions, id), commands) ?? []);
}

/** Undefined for one that ends meanwhile. */
function describe(id: string, path: string, commands: ReadonlyMap<number, number>): Session | undefined {
  const live = isLive(path);
  const startedAt = statSync(path, { throwIfNoEntry: false })?.birthtime;
  if (!startedAt) return undefined;
  return {
    id,
    pid: Number(id.split("-")[0]),
    startedAt,
    live,
    running: live ? (commands.get(holderOf(path)) ?? 0) : 0,
    diskBytes: diskBytes([path]),
  };
}

function holderOf(session: string): number {
  try {
    return Number(readFileSync(join(session, "holder"), "utf8"));
  } catch {
    return 0; // it is just starting, or ending
  }
}

/**
 * Removes what dead processes left, and with `all` or `olderThanMs` kept setups, bases and caches that no live
 * one uses.
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
  const old = [state.kept, state.bases, state.caches]
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

function diskBytes(paths: readonly string[]): number {
  if (paths.length === 0) return 0;
  const { stdout } = spawnSync("du", ["-skc", "--", ...paths], { encoding: "utf8" });
  return Number(/(\d+)\s+total\s*$/.exec(stdout)?.[1] ?? 0) * 1024;
}

/** How many bwraps each process is the grandparent of: a holder's commands are children of those that stand by. */
function runningCommands(): Map<number, number> {
  const processes = new Map<number, { name: string; parent: number }>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const [, name = "", parent] =
        /^\d+ \((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "latin1")) ?? [];
      processes.set(Number(pid), { name, parent: Number(parent) });
    } catch {
      // ended meanwhile
    }
  }
  const counts = new Map<number, number>();
  for (const { name, parent } of processes.values()) {
    const holder = processes.get(parent)?.parent;
    if (name === "bwrap" && holder) counts.set(holder, (counts.get(holder) ?? 0) + 1);
  }
  return counts;
}
