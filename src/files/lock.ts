import { spawn } from "node:child_process";
import { once } from "node:events";

/** What flock(1) exits with when another has the lock. */
const TAKEN = 1;

/**
 * Locks an open file for as long as it stays open, which ends with its process however that ends. False where there
 * is no flock(1): macOS has none, and Node no call of its own.
 */
export async function lock(descriptor: number): Promise<boolean> {
  return (await flock(["-x", "-n", "3"], descriptor)) === 0;
}

/** Whether somebody has locked a file; undefined where that can't be told. */
export async function isLocked(path: string): Promise<boolean | undefined> {
  const code = await flock(["-s", "-n", path, "true"]);
  return code === 0 || code === TAKEN ? code === TAKEN : undefined;
}

async function flock(args: readonly string[], descriptor?: number): Promise<number | undefined> {
  try {
    const [code] = await once(
      spawn("flock", args, { stdio: ["ignore", "ignore", "ignore", descriptor ?? "ignore"] }),
      "exit",
    );
    return code as number;
  } catch {
    return undefined;
  }
}
