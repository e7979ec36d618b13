import { spawnSync } from "node:child_process";

/**
 * ext4 is many times as slow for minutes to make files near those that were deleted, as one session's are just before
 * the next begins. Below a directory with the attribute T it puts each further away (chattr(1)). Best effort, and once
 * for a directory.
 */
export function spreadOut(directory: string): void {
  spawnSync("chattr", ["+T", directory], { stdio: "ignore", timeout: 1000 });
}
