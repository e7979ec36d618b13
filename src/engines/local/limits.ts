import { lstat, opendir } from "node:fs/promises";
import type { Limits } from "../../engine.js";
import type { CommandCgroup } from "./cgroups.js";
import { bytes, latin1 } from "./tree.js";

const POLL_MS = 200;

/** Polls what the kernel does not stop by itself. */
export function watchLimits(
  command: CommandCgroup,
  upper: string,
  limits: Readonly<Limits>,
  stop: (why: "memory" | "disk") => void,
): { verdict: () => Promise<"memory" | "disk" | undefined>; end: () => void } {
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  const { memoryMiB, diskMiB } = limits;
  const look = async (): Promise<"memory" | "disk" | undefined> => {
    if (memoryMiB !== undefined && command.outOfMemory()) return "memory";
    if (diskMiB === undefined) return undefined;
    const most = diskMiB * 1024 * 1024;
    return (await diskUsage(latin1(upper), most)) > most ? "disk" : undefined;
  };
  const poll = async () => {
    const why = await look();
    if (why) stop(why);
    if (!ended) timer = setTimeout(poll, POLL_MS).unref();
  };
  if (memoryMiB !== undefined || diskMiB !== undefined) timer = setTimeout(poll, POLL_MS).unref();
  return {
    verdict: look,
    end: () => {
      ended = true;
      clearTimeout(timer);
    },
  };
}

/** Bytes on disk below a directory, a latin1 string of its bytes; stops counting past `enough`. */
async function diskUsage(directory: string, enough: number): Promise<number> {
  let total = 0;
  try {
    // Names are bytes: one that is no text must not hide what is beside it.
    for await (const entry of await opendir(bytes(directory), { encoding: "latin1" as BufferEncoding })) {
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory()) total += await diskUsage(path, enough - total);
      else total += (await lstat(bytes(path))).blocks * 512;
      if (total > enough) break;
    }
  } catch {
    // Removed, or made unreadable, while it was walked: the next poll counts again.
  }
  return total;
}
