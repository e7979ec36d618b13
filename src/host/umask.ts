import { readFileSync } from "node:fs";

/**
 * The umask, asked of the kernel: `process.umask()` sets it for a moment, for all threads. Undefined where the kernel
 * does not say, which is anywhere but on Linux.
 */
export function currentUmask(): number | undefined {
  if (process.platform !== "linux") return undefined;
  const [, umask] = /^Umask:\s*([0-7]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return umask === undefined ? undefined : Number.parseInt(umask, 8);
}
