import { readFileSync } from "node:fs";
import type { Limits } from "../../../engine.js";
import { findTool } from "../doctor/tools.js";
import type { Stage } from "../holder/stage.js";
import type { Tree } from "../layers/tree.js";
import type { CommandCgroup } from "./cgroups.js";

/** What shows a command the memory and CPUs it may use: programs size heaps and pools of threads by these. */
export interface Sizing {
  /** Options of bwrap. */
  mounts: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** What runs before bwrap in its place. */
  enter: readonly string[];
  /** To be called when the command has ended. */
  end(): void;
}

const CGROUPS = "/sys/fs/cgroup";
/** Of the memory, for Go: it collects garbage harder when its heap comes near. */
const GO_SHARE = 0.9;

export async function sizingFor(
  { memoryMiB, cpus }: Readonly<Limits>,
  cgroup: CommandCgroup,
  stage: Stage,
  showCgroup: boolean,
): Promise<Sizing> {
  if (memoryMiB === undefined && cpus === undefined)
    return { mounts: [], environment: {}, enter: [], end: () => {} };
  const chosen = cpus === undefined || !findTool("taskset") ? [] : takeCpus(Math.ceil(cpus));
  return {
    mounts: showCgroup ? await cgroupMounts(cgroup, stage) : [],
    // Go reads no limit of memory from anywhere else.
    environment:
      memoryMiB === undefined ? {} : { GOMEMLIMIT: `${Math.floor(memoryMiB * 1024 * GO_SHARE)}KiB` },
    enter: chosen.length === 0 ? [] : ["taskset", "-c", chosen.join(",")],
    end: () => giveCpus(chosen),
  };
}

/** Whether bwrap may mount on a base's /sys, and whether that has to be made: it would follow a link. */
export function lookAtSys(
  tree: Tree,
  { memoryMiB, cpus }: Readonly<Limits>,
): { usable: boolean; missing: boolean } {
  if (memoryMiB === undefined && cpus === undefined) return { usable: false, missing: false };
  const stat = tree.lstat("/sys");
  return { usable: stat === undefined || stat.isDirectory(), missing: stat === undefined };
}

/**
 * The cgroup itself, read-only and where programs look for it: they ask what kind of file system is mounted there,
 * so copies of its files would not do. It has no other below it, and its namespace shows it as the root.
 */
async function cgroupMounts({ hierarchies }: CommandCgroup, stage: Stage): Promise<string[]> {
  const options = ["--tmpfs", "/sys"];
  for (const [hierarchy, directory] of hierarchies) {
    const place = hierarchy === "" ? CGROUPS : `${CGROUPS}/${hierarchy}`;
    options.push("--ro-bind", await stage.show(directory), place);
    const controllers = hierarchy.split(",");
    if (controllers.length > 1)
      for (const name of controllers) options.push("--symlink", hierarchy, `${CGROUPS}/${name}`);
  }
  return [...options, "--remount-ro", "/sys"];
}

/** How many commands of this process are on each CPU that it may use itself. */
const used = new Map<number, number>();

/** Those with the fewest commands on them; any of these, as other processes choose as well. None where it would be all. */
function takeCpus(count: number): number[] {
  if (used.size === 0) for (const cpu of ownCpus()) used.set(cpu, 0);
  if (count >= used.size) return [];
  const chosen = [...used]
    .map(([cpu, commands]) => ({ cpu, order: commands + Math.random() }))
    .sort((a, b) => a.order - b.order)
    .slice(0, count)
    .map(({ cpu }) => cpu);
  for (const cpu of chosen) used.set(cpu, (used.get(cpu) ?? 0) + 1);
  return chosen;
}

function giveCpus(chosen: readonly number[]): void {
  for (const cpu of chosen) used.set(cpu, (used.get(cpu) ?? 1) - 1);
}

function ownCpus(): number[] {
  const [, list = ""] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
