import {
  accessSync,
  appendFileSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Limits } from "../../engine.js";

export type Controller = "memory" | "pids" | "cpu";

/** Where this process may make cgroups, a directory a controller; on v2 all three are one. */
export type CgroupRoots = Partial<Record<Controller, { directory: string; version: 1 | 2 }>>;

/** The cgroups of one command. */
export interface CommandLimits {
  directories: readonly string[];
  /** For a resource limit where no cgroup counts processes. */
  processes: number | undefined;
  /** Whether the kernel killed something in it for its memory. */
  outOfMemory(): boolean;
  close(): void;
}

/** Makes a cgroup a command, below one a session, as far as the machine lets us (cgroups(7)). */
export class Cgroups {
  #made = new Map<string, string>();
  #next = 1;

  constructor(
    readonly roots: CgroupRoots,
    private readonly session: string,
  ) {}

  open(limits: Readonly<Limits>): CommandLimits {
    const wanted: Partial<Record<Controller, [file: Record<1 | 2, string>, value: Record<1 | 2, string>][]>> =
      {};
    if (limits.processes !== undefined && this.roots.pids)
      wanted.pids = [[{ 1: "pids.max", 2: "pids.max" }, both(String(limits.processes))]];
    if (limits.memoryMiB !== undefined && this.roots.memory) {
      const bytes = both(String(Math.floor(limits.memoryMiB * 1024 * 1024)));
      wanted.memory = [
        [{ 1: "memory.limit_in_bytes", 2: "memory.max" }, bytes],
        [
          { 1: "memory.memsw.limit_in_bytes", 2: "memory.swap.max" },
          { 1: bytes[1], 2: "0" },
        ],
      ];
    }
    if (limits.cpus !== undefined && this.roots.cpu) {
      const quota = String(Math.max(1000, Math.floor(limits.cpus * 100_000)));
      wanted.cpu = [
        [
          { 1: "cpu.cfs_quota_us", 2: "cpu.max" },
          { 1: quota, 2: `${quota} 100000` },
        ],
      ];
    }
    const directories = new Set<string>();
    const name = String(this.#next++);
    for (const [controller, settings] of Object.entries(wanted)) {
      const root = this.roots[controller as Controller] as { directory: string; version: 1 | 2 };
      const directory = join(this.#sessionDirectory(root), name);
      if (!directories.has(directory)) mkdirSync(directory);
      directories.add(directory);
      for (const [file, value] of settings) {
        const path = join(directory, file[root.version]);
        if (existsSync(path)) writeFileSync(path, value[root.version]); // no swap accounting: no such file
      }
    }
    const memory =
      this.roots.memory && wanted.memory ? join(this.#sessionDirectory(this.roots.memory), name) : undefined;
    return {
      directories: [...directories],
      processes: this.roots.pids ? undefined : limits.processes,
      outOfMemory: () => memory !== undefined && oomKills(memory) > 0,
      close: () => {
        for (const directory of directories) remove(directory);
      },
    };
  }

  /** Removes the session's own cgroups. */
  close(): void {
    for (const directory of this.#made.values()) remove(directory);
    this.#made.clear();
  }

  #sessionDirectory({ directory, version }: { directory: string; version: 1 | 2 }): string {
    const known = this.#made.get(directory);
    if (known) return known;
    const path = join(directory, `forkbox-${this.session.slice(this.session.lastIndexOf("/") + 1)}`);
    // Written down first: the holder, or the next start, removes it when we can't.
    appendFileSync(join(this.session, "cgroups"), `${path}\n`);
    mkdirSync(path);
    if (version === 2) writeFileSync(join(path, "cgroup.subtree_control"), "+memory +pids +cpu");
    this.#made.set(directory, path);
    return path;
  }
}

/** Finds where cgroups can be made: below our own one on v1; on v2 below the nearest that hands on its controllers. */
export function findCgroups(): CgroupRoots {
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "));
  const roots: CgroupRoots = {};
  for (const line of readFileSync("/proc/self/cgroup", "utf8").trim().split("\n")) {
    const [, names = "", ...rest] = line.split(":");
    const own = rest.join(":");
    if (names === "") {
      const mount = mounts.find(([, , type]) => type === "cgroup2")?.[1];
      if (mount) Object.assign(roots, findV2(mount, own), roots);
      continue;
    }
    for (const controller of ["memory", "pids", "cpu"] as const) {
      if (!names.split(",").includes(controller)) continue;
      const mount = mounts.find(
        ([, , type, options = ""]) => type === "cgroup" && options.split(",").includes(controller),
      )?.[1];
      const directory = mount && join(mount, existsSync(join(mount, own)) ? own : "");
      if (directory && canMakeIn(directory)) roots[controller] = { directory, version: 1 };
    }
  }
  return roots;
}

function findV2(mount: string, own: string): CgroupRoots {
  for (let path = join(mount, own); path.startsWith(mount); path = dirname(path)) {
    const control = join(path, "cgroup.subtree_control");
    if (!existsSync(control) || !canMakeIn(path)) continue;
    const handedOn = readFileSync(control, "utf8").trim().split(" ");
    if (!handedOn.includes("memory") || !handedOn.includes("pids")) continue;
    const root = { directory: path, version: 2 as const };
    return { memory: root, pids: root, ...(handedOn.includes("cpu") ? { cpu: root } : {}) };
  }
  return {};
}

/** By doing it: a read-only mount, a namespace or a security module may refuse what the mode bits allow. */
function canMakeIn(directory: string): boolean {
  const probe = join(directory, `forkbox-probe-${process.pid}`);
  try {
    accessSync(directory, constants.W_OK);
    mkdirSync(probe);
    rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
}

function oomKills(directory: string): number {
  const file = ["memory.events", "memory.oom_control"].map((name) => join(directory, name)).find(existsSync);
  return file ? Number(/^oom_kill (\d+)/m.exec(readFileSync(file, "utf8"))?.[1] ?? 0) : 0;
}

function both(value: string): { 1: string; 2: string } {
  return { 1: value, 2: value };
}

function remove(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    setTimeout(() => remove(directory), 20).unref(); // the last process of it is being reaped
  }
}
