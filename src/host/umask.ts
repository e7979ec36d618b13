import { readFileSync } from "node:fs";

const UNSHOWN = 0o022;

/** The umask of this process. To ask Node for it is to change it for a moment, for all threads. */
export function umask(): number {
  try {
    const [, mask] = /^Umask:\s*([0-7]+)/m.exec(readFileSync("/proc/self/status", "latin1")) ?? [];
    if (mask !== undefined) return Number.parseInt(mask, 8);
  } catch {
    // No /proc: not Linux.
  }
  return UNSHOWN;
}
