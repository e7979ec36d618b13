import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hostPids, procText } from "./host-processes.js";

/** A process that can't be mistaken for a later one of the same pid. */
export interface Identity {
  pid: number;
  started: string;
  commandLine: string;
}

/** Processes below one, in any namespace. */
export async function descendants(ancestor: number): Promise<Identity[]> {
  const byParent = new Map<number, Identity[]>();
  for (const pid of await hostPids()) {
    const { parent, started, state } = await statOf(pid);
    if (parent === undefined || state === "Z") continue;
    const commandLine = (await procText(pid, "cmdline")).replaceAll("\0", " ").trim();
    byParent.set(parent, [...(byParent.get(parent) ?? []), { pid, started, commandLine }]);
  }
  const found: Identity[] = [];
  const visit = (parent: number) => {
    for (const child of byParent.get(parent) ?? []) {
      found.push(child);
      visit(child.pid);
    }
  };
  visit(ancestor);
  return found;
}

/** Those of them that still live. */
export async function stillAlive(processes: readonly Identity[]): Promise<Identity[]> {
  const alive: Identity[] = [];
  for (const each of processes) {
    const { started, state } = await statOf(each.pid);
    if (started === each.started && state !== "Z") alive.push(each);
  }
  return alive;
}

/** Mounts of a directory's content, and processes that hang on it, in whatever namespace. */
export async function mountsOf(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await hostPids()) {
    const mounts = (await procText(pid, "mountinfo")).split("\n").filter((line) => line.includes(directory));
    if (mounts.length > 0) found.push(`${pid} ${await procText(pid, "cmdline")}: ${mounts[0]}`);
    for (const link of ["cwd", "root"]) {
      const target = await readlink(`/proc/${pid}/${link}`).catch(() => "");
      if (target.startsWith(directory)) found.push(`${pid} ${link} ${target}`);
    }
  }
  return found;
}

/** Locks (/proc/locks) on files of a directory. */
export async function locksIn(directory: string): Promise<string[]> {
  const inodes = new Map<number, string>();
  await eachFile(directory, async (path) => {
    const file = await stat(path).catch(() => undefined);
    if (file) inodes.set(file.ino, path);
  });
  const lines = (await readFile("/proc/locks", "utf8")).split("\n");
  return lines.flatMap((line) => {
    const path = inodes.get(Number(/:(\d+) \d+ \S+$/.exec(line)?.[1]));
    return path === undefined ? [] : [`${path}: ${line}`];
  });
}

/** Control groups that look like forkbox's. */
export async function cgroupsNow(): Promise<string[]> {
  const found: string[] = [];
  const visit = async (directory: string, depth: number): Promise<void> => {
    for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
      if (!entry.isDirectory()) continue;
      const path = join(directory, entry.name);
      if (entry.name.startsWith("forkbox")) found.push(path);
      else if (depth < 5) await visit(path, depth + 1);
    }
  };
  await visit("/sys/fs/cgroup", 0);
  return found;
}

/** Bytes of the regular files below a directory. */
export async function diskUse(directory: string): Promise<number> {
  let bytes = 0;
  await eachFile(directory, async (path) => {
    bytes += (await stat(path).catch(() => undefined))?.size ?? 0;
  });
  return bytes;
}

/** What must be gone within two seconds: that long a holder may take. */
export async function untilNone<T>(look: () => Promise<T[]>, withinMs = 2000): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found.length === 0) return;
    if (performance.now() > deadline)
      throw new Error(`still there: ${JSON.stringify(found.slice(0, 10), null, 1)}`);
    await sleep(25);
  }
}

async function statOf(pid: number): Promise<{ parent: number | undefined; started: string; state: string }> {
  // The name in parentheses may hold anything: count from its end.
  const fields = (await procText(pid, "stat")).replace(/^.*\) /s, "").split(" ");
  const parent = fields[1] === undefined ? undefined : Number(fields[1]);
  return { parent, started: fields[19] ?? "gone", state: fields[0] ?? "" };
}

async function eachFile(directory: string, act: (path: string) => Promise<void>): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await eachFile(path, act);
    else if (entry.isFile()) await act(path);
  }
}
