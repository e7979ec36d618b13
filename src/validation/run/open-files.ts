import { readdirSync, readFileSync } from "node:fs";

/** What a step needs at the most, by what the tests of few descriptors show, and what is left to all else. */
const A_STEP = 24;
const RESERVE = 40;

/** As many of `jobs` as there are open files for: a step that waits is better than one that fails for the want of them. */
export function affordableJobs(jobs: number): number {
  const most = openFilesLimit();
  if (most === undefined) return jobs;
  const room = most - readdirSync("/proc/self/fd").length - RESERVE;
  return Math.max(1, Math.min(jobs, Math.floor(room / A_STEP)));
}

/** Undefined where the kernel does not say, which is anywhere but on Linux. See proc(5). */
function openFilesLimit(): number | undefined {
  if (process.platform !== "linux") return undefined;
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
  return soft === undefined ? undefined : Number(soft);
}
