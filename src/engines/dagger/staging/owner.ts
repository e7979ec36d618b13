import { closeSync, openSync } from "node:fs";
import { readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isAlive } from "../../../files/alive.js";
import { isLocked, lock } from "../../../files/lock.js";
import { wallClock } from "../../../timers.js";

/** Who a session directory belongs to. */
export interface Owner {
  pid: number;
  /** When that process started, so that a later one with its number is not taken for it. */
  started: string;
  /** Where a pid means that process: another container, boot or machine may use the same state. */
  space: string;
  /** Whether it holds the lock on the lease: that tells from everywhere that it lives. */
  locked: boolean;
  at: number;
}

/** Makes a directory this process's own, until that ends or gives it back. */
export async function own(directory: string): Promise<{ release: () => void }> {
  const lease = openSync(leaseOf(directory), "w", 0o600);
  let held = true;
  const release = () => {
    if (held) closeSync(lease);
    held = false;
  };
  try {
    const owner: Owner = {
      pid: process.pid,
      started: await startOf(process.pid),
      space: await pidSpace(),
      locked: await lock(lease),
      at: wallClock(),
    };
    await writeFile(join(directory, "owner.json"), JSON.stringify(owner));
    return { release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Whether a directory's owner is there, or may be. */
export async function isOwned(directory: string, owner: Owner): Promise<boolean> {
  const locked = owner.locked ? await isLocked(leaseOf(directory)) : undefined;
  if (locked !== undefined) return locked;
  if (owner.space !== (await pidSpace())) return true;
  return isAlive(owner.pid) && (await startOf(owner.pid)) === owner.started;
}

function leaseOf(directory: string): string {
  return join(directory, "lease");
}

/** Elsewhere than on Linux there is one for all. */
async function pidSpace(): Promise<string> {
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "latin1").catch(() => "");
  return `${boot.trim()} ${await readlink("/proc/self/ns/pid").catch(() => "")}`;
}

/** Linux: in clock ticks after boot. Elsewhere nothing, and the pid alone has to do. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
