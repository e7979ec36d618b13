import {
  accessSync,
  appendFileSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Limits } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";

/** The first three limit; JVMs look for the limits only where the other two of version 1 are there as well. */
const CONTROLLERS = ["memory", "pids", "cpu", "cpuacct", "cpuset"] as const;
export type Controller = (typeof CONTROLLERS)[number];

/** `hierarchy`: the controllers that share it, as /proc/self/cgroup names them; empty on v2. */
interface CgroupRoot {
  directory: string;
  version: 1 | 2;
  hierarchy: string;
}

/** Where this process may make cgroups, a directory a controller; on v2 all are one. */
export type CgroupRoots = Partial<Record<Controller, CgroupRoot>>;

/** The cgroups in which one command at a time runs, a directory a controller (on v2 one for all). */
export interface CommandCgroup {
  readonly directories: readonly string[];
  /** The same by hierarchy, see {@link CgroupRoots}. */
  readonly hierarchies: ReadonlyMap<string, string>;
  /** For the next command. Gives the process limit that is left to a resource limit, where no cgroup counts them. */
  limit(limits: Readonly<Limits>): number | undefined;
  /** Whether the kernel has killed something in it for its memory since `limit`. */
  outOfMemory(): boolean;
  /** Whether the kernel has refused it a process or thread since `limit`. Never where a resource limit does: nothing counts these. */
  processesRefused(): boolean;
}

/** bwrap's own processes count too, the one that stands by, and what prepares the command. */
const OWN_PROCESSES = 5;

/** Makes cgroups for commands, below one of the session's, as far as the machine lets us (cgroups(7)). */
export class Cgroups {
  #made = new Map<string, string>();
  #children: string[] = [];

  constructor(
    readonly roots: CgroupRoots,
    private readonly session: string,
  ) {}

  make(name: string): CommandCgroup {
    const directories = new Map<Controller, string>();
    const hierarchies = new Map<string, string>();
    for (const [controller, root] of Object.entries(this.roots)) {
      const directory = join(this.#sessionDirectory(root), name);
      makeCgroup(directory);
      directories.set(controller as Controller, directory);
      hierarchies.set(root.hierarchy, directory);
    }
    const unique = [...new Set(directories.values())];
    this.#children.push(...unique);
    const written = new Map<string, string>();
    const set = (controller: Controller, files: Record<1 | 2, string>, value: Record<1 | 2, string>) => {
      const directory = directories.get(controller);
      const version = this.roots[controller]?.version;
      if (!directory || !version) return;
      const path = join(directory, files[version]);
      if (written.get(path) === value[version] || !existsSync(path)) return; // no swap accounting: no such file
      try {
        writeFileSync(path, value[version]);
      } catch (error) {
        throw controller === "memory" ? tooLittle(error) : error;
      }
      written.set(path, value[version]);
    };
    const memory = directories.get("memory");
    const pids = directories.get("pids");
    let killedBefore = 0;
    let refusedBefore = 0;
    let memoryBefore: string | undefined;
    return {
      directories: unique,
      hierarchies,
      limit: ({ processes, memoryMiB, cpus }) => {
        const most = processes === undefined ? "max" : String(processes + OWN_PROCESSES);
        set("pids", { 1: "pids.max", 2: "pids.max" }, { 1: most, 2: most });
        const bytes = memoryMiB === undefined ? undefined : String(Math.floor(memoryMiB * 1024 * 1024));
        // On v1 memory and swap together may never be less than memory alone, so the sum is lifted while memory
        // changes; v2 counts swap by itself.
        const sum = { 1: "memory.memsw.limit_in_bytes", 2: "memory.swap.max" };
        const alone = { 1: "memory.limit_in_bytes", 2: "memory.max" };
        if (bytes !== memoryBefore) set("memory", sum, { 1: "-1", 2: bytes ? "0" : "max" });
        memoryBefore = bytes;
        set("memory", alone, { 1: bytes ?? "-1", 2: bytes ?? "max" });
        set("memory", sum, { 1: bytes ?? "-1", 2: bytes ? "0" : "max" });
        const quota = cpus === undefined ? undefined : String(Math.max(1000, Math.floor(cpus * 100_000)));
        set(
          "cpu",
          { 1: "cpu.cfs_quota_us", 2: "cpu.max" },
          { 1: quota ?? "-1", 2: `${quota ?? "max"} 100000` },
        );
        if (memory && bytes) killedBefore = oomKills(memory);
        if (pids) refusedBefore = refusals(pids);
        return this.roots.pids ? undefined : processes;
      },
      outOfMemory: () => memory !== undefined && oomKills(memory) > killedBefore,
      processesRefused: () => pids !== undefined && refusals(pids) > refusedBefore,
    };
  }

  /** Removes them, after the holder's processes are gone. */
  close(): void {
    for (const directory of [...this.#children, ...this.#made.values()]) remove(directory);
    this.#made.clear();
    this.#children = [];
  }

  #sessionDirectory({ directory, version }: CgroupRoot): string {
    const known = this.#made.get(directory);
    if (known) return known;
    const path = join(directory, `forkbox-${this.session.slice(this.session.lastIndexOf("/") + 1)}`);
    // Written down first: the holder, or the next start, removes it when we can't.
    appendFileSync(join(this.session, "cgroups"), `${path}\n`);
    makeCgroup(path);
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
    for (const controller of CONTROLLERS) {
      if (!names.split(",").includes(controller)) continue;
      const mount = mounts.find(
        ([, , type, options = ""]) => type === "cgroup" && options.split(",").includes(controller),
      )?.[1];
      const directory = mount && join(mount, existsSync(join(mount, own)) ? own : "");
      if (directory && canMakeIn(directory)) roots[controller] = { directory, version: 1, hierarchy: names };
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
    const root = { directory: path, version: 2 as const, hierarchy: "" };
    return { memory: root, pids: root, ...(handedOn.includes("cpu") ? { cpu: root } : {}) };
  }
  return {};
}

const PROBE = "forkbox-probe-";

/** Whoever runs commands may look at it, whatever the caller's umask. On v1 a cpuset starts without CPUs, and nothing may enter it. */
function makeCgroup(path: string): void {
  if (!existsSync(path)) mkdirSync(path);
  chmodSync(path, 0o755);
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const above = join(dirname(path), file);
    if (existsSync(join(path, "cpuset.sched_load_balance")))
      writeFileSync(join(path, file), readFileSync(above));
  }
}

/** By doing it: a read-only mount, a namespace or a security module may refuse what the mode bits allow. */
function canMakeIn(directory: string): boolean {
  const probe = join(directory, `${PROBE}${process.pid}`);
  try {
    accessSync(directory, constants.W_OK);
    mkdirSync(probe);
    // Those of processes that were killed here, too.
    for (const name of readdirSync(directory)) if (name.startsWith(PROBE)) remove(join(directory, name));
    return true;
  } catch {
    return false;
  }
}

function oomKills(directory: string): number {
  const file = ["memory.events", "memory.oom_control"].map((name) => join(directory, name)).find(existsSync);
  return file ? Number(/^oom_kill (\d+)/m.exec(readFileSync(file, "utf8"))?.[1] ?? 0) : 0;
}

function refusals(directory: string): number {
  const file = join(directory, "pids.events");
  return existsSync(file) ? Number(/^max (\d+)/m.exec(readFileSync(file, "utf8"))?.[1] ?? 0) : 0;
}

/** On v1 a limit can't be set below what is in use. */
function tooLittle(error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code !== "EBUSY") return error;
  const message =
    "exec: limits.memoryMiB is less than what it takes to start a command. Nothing was run; raise the limit.";
  return new SandboxError("LIMIT", message, { operation: "exec", cause: error });
}

function remove(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // The holder has removed it already, or will when its last process is gone.
  }
}
