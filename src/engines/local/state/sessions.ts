import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Session } from "../../admin-types.js";
import { isLive } from "./in-use.js";
import { openState, stateDirectory } from "./state.js";

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

/** What paths take on the disk. */
export function diskBytes(paths: readonly string[]): number {
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
