import { readFileSync } from "node:fs";

/** From what /proc/PID/stat holds: whether a thread of the process is alive. See proc(5) for the fields. */
export function isRunningIn(stat: string): boolean {
  const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const threads = Number(fields[16]);
  return !/[ZX]/.test(state) || threads > 1;
}

/**
 * The tasks in a cgroup, threads too, as this process's pid namespace numbers them; undefined where it can't be asked.
 * Throws where this process can open no more files.
 */
export function tasksIn(cgroup: string): string[] | undefined {
  for (const file of ["tasks", "cgroup.threads", "cgroup.procs"]) {
    try {
      return readFileSync(`${cgroup}/${file}`, "latin1").split("\n").filter(Boolean);
    } catch (error) {
      if (["EMFILE", "ENFILE"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      // version 2 has no tasks, and knows no threads below some cgroups
    }
  }
  return undefined;
}
