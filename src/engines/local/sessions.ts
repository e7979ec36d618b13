import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { wallClock } from "../../timers.js";
import type { Pruned, PruneOptions, Session } from "../admin.js";
import { Holder } from "./holder.js";
import { idsOfCaller } from "./ids.js";
import { openSession, openState, type State, setAside, stateDirectory } from "./state.js";
import { findTool } from "./tools.js";

/** The engines of all processes that use this state directory, dead ones included. */
export async function listSessions(directory: string = stateDirectory()): Promise<Session[]> {
  if (!existsSync(join(directory, "sessions"))) return [];
  const { sessions } = openState(directory);
  const commands = runningCommands();
  return readdirSync(sessions)
    .filter((id) => !id.startsWith("."))
    .map((id) => {
      const path = join(sessions, id);
      const holder = existsSync(join(path, "holder"))
        ? Number(readFileSync(join(path, "holder"), "utf8"))
        : 0;
      const live = isLive(path);
      return {
        id,
        pid: Number(id.split("-")[0]),
        startedAt: statSync(path).birthtime,
        live,
        running: live ? (commands.get(holder) ?? 0) : 0,
        diskBytes: diskBytes([path]),
      };
    });
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
  const dead = readdirSync(state.sessions)
    .map((id) => join(state.sessions, id))
    .filter((path) => !isLive(path) && !isStarting(path));
  const isRest = (path: string) => isDraft(path) || isForgotten(path, state);
  const old = unusedKept(state).filter(
    (path) => all || isRest(path) || (olderThanMs !== undefined && ageMs(path) > olderThanMs),
  );
  const rests = old.filter(isRest);
  // Nobody finds them any more from here on; who found one just before has linked it.
  for (const path of old) if (isKept(path, state)) rmSync(join(path, "meta.json"), { force: true });
  const used = usedByLiveSessions(state);
  const kept = old.filter((path) => !used(path));
  const bytes = diskBytes([...dead, ...kept]);
  if (dead.length + kept.length === 0) return { sessions: 0, kept: 0, bytes: 0 };
  // In a holder, since an ordinary caller can delete some directories only there.
  const { hidden, lease } = openSession(state.sessions);
  const holder = await Holder.start(hidden, hidden, idsOfCaller(), lease).finally(() => closeSync(lease));
  try {
    await holder.run("reclaim", state.sessions);
    const gone = takeAway(kept, state);
    if (gone.length > 0) await holder.run("rm", "-rf", "--", ...gone);
  } finally {
    await holder.close();
  }
  return { sessions: dead.length, kept: kept.filter((path) => !rests.includes(path)).length, bytes };
}

/** Sets aside all but what a session has come to use just now; gives the new names. */
function takeAway(paths: readonly string[], state: State): string[] {
  const moves = paths.map((path) => ({ path, aside: setAside(path) }));
  // Who links one from here on will not find it there.
  const used = usedByLiveSessions(state);
  return moves.flatMap(({ path, aside }) => {
    if (!aside) return [];
    if (!used(path) || existsSync(path)) return [aside];
    renameSync(aside, path);
    return [];
  });
}

/** A live owner holds a lock on its lease, which ends with it however it ends. */
function isLive(session: string): boolean {
  const lease = join(session, "lease");
  return (
    existsSync(lease) && spawnSync(findTool("flock") ?? "flock", ["-n", "-s", lease, "true"]).status !== 0
  );
}

function isStarting(session: string): boolean {
  return /\/\.[^/]*$/.test(session) && ageMs(session) < 60_000;
}

/** What lies under kept, bases and caches, without what live sessions use. */
function unusedKept(state: State): string[] {
  // Which caches its commands use, a session has nowhere written down.
  const caches = liveSessions(state).length > 0 ? [] : [state.caches];
  const used = usedByLiveSessions(state);
  return [state.kept, state.bases, ...caches]
    .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)))
    .filter((path) => !used(path));
}

/** Whether a live session has linked a directory of the state, or something in it. */
export function usedByLiveSessions(state: State): (path: string) => boolean {
  const targets = liveSessions(state).flatMap((path) =>
    readdirSync(join(path, "l"), { withFileTypes: true })
      .filter((entry) => entry.isSymbolicLink())
      .map(({ name }) => readlinkSync(join(path, "l", name))),
  );
  return (path) => targets.some((target) => target === path || target.startsWith(`${path}/`));
}

function liveSessions(state: State): string[] {
  return readdirSync(state.sessions)
    .map((id) => join(state.sessions, id))
    .filter((path) => isLive(path) && existsSync(join(path, "l")));
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
  return /\.(gone-)?[0-9a-f]{8}$/.test(path) && ageMs(path) > 60_000;
}

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
