import { readdirSync, readlinkSync } from "node:fs";
import { performance, setImmediate, sleep } from "../../../timers.js";
import type { Holder } from "../holder/holder.js";
import type { Slot } from "./slots.js";

/** What bwrap says of process 1 of a command's pid namespace: its pid in the holder's, and the namespace's number. */
export interface Init {
  pid: string;
  namespace: string | undefined;
}

/** SIGKILL takes effect at once, but for a process that waits in the kernel. */
const LONGEST_MS = 10_000;

/**
 * Kills what is left of a command, and resolves with true when the kernel shows that no process and no thread of it
 * is alive; with false when that could not be shown in time.
 *
 * What bwrap reports is no proof. Its process 1 is the command's user's, so the command can take it over: give it
 * threads, let its first one exit, and tell bwrap any exit code. What can't be made up: the last thread of a pid
 * namespace's process 1 only ends when all others in there are gone (pid_namespaces(7)), so one that is not in /proc
 * any more, or that is a zombie without another thread, has nobody left. Beside it the command's cgroup must be empty;
 * where there is none, no process that the holder's /proc shows may be in that namespace.
 */
export async function untilDead(holder: Holder, slot: Slot, init: Init | undefined): Promise<boolean> {
  const until = performance.now() + LONGEST_MS;
  for (let wait = 0; ; wait = Math.min(wait + 1, 20)) {
    if (!holder.alive || isShownDead(holder, slot, init)) return true; // with the holder the kernel kills all of it
    if (performance.now() > until) return false;
    if (init) holder.send("stop", init.pid);
    await (wait === 0 ? new Promise((resolve) => setImmediate(resolve)) : sleep(wait));
  }
}

/** What can't be asked, for want of descriptors say, is not shown. */
function isShownDead(holder: Holder, slot: Slot, init: Init | undefined): boolean {
  try {
    return isDead(holder, slot, init);
  } catch {
    return false;
  }
}

function isDead(holder: Holder, slot: Slot, init: Init | undefined): boolean {
  if (init && holder.isRunning(init.pid)) return false;
  const strangers = slot.strangers();
  if (strangers !== undefined) return strangers === 0;
  return init?.namespace === undefined || !isInhabited(holder, init.namespace);
}

function isInhabited({ proc }: Holder, namespace: string): boolean {
  const link = `pid:[${namespace}]`;
  return readdirSync(proc).some((pid) => /^\d/.test(pid) && namespaceOf(`${proc}/${pid}`) === link);
}

function namespaceOf(process: string): string | undefined {
  try {
    return readlinkSync(`${process}/ns/pid`);
  } catch {
    // It ended; or it runs a program that nobody may read, and then the end of process 1 has to be enough.
    return undefined;
  }
}
