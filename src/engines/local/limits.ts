import { lstat, opendir, readdir, stat } from "node:fs/promises";
import type { Limits } from "../../engine.js";
import type { CommandCgroup } from "./cgroups.js";
import type { Holder } from "./holder.js";
import type { Layer, View } from "./snapshots.js";
import { bytes, latin1 } from "./tree.js";

const POLL_MS = 200;

/** Polls what the kernel does not stop by itself. */
export function watchLimits(
  holder: Holder,
  command: CommandCgroup,
  view: View,
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
    const added = await sizeOf(view.layers[0] as Layer, most, holder);
    return added > most || added + (await deletedOpen(view, holder)) > most ? "disk" : undefined;
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

/** Bytes on disk of a layer; stops counting past `enough`. */
async function sizeOf({ name, path }: Layer, enough: number, holder: Holder): Promise<number> {
  try {
    return await new Usage(enough).count(latin1(path));
  } catch {
    // Closed to an ordinary caller, who is the user that closed it. In the holder we are root.
    const said = await holder
      .task("sh", "-c", 'du -sk -- "$1" 2>/dev/null; true', "sh", `l/${name}`)
      .catch(() => "");
    return (Number.parseInt(said, 10) || 0) * 1024;
  }
}

class Usage {
  #total = 0;
  /** Of files with several links: they count once. */
  #seen = new Set<number>();

  constructor(private readonly enough: number) {}

  /** Below a directory, a latin1 string of its bytes; throws where it may not look. */
  async count(directory: string): Promise<number> {
    try {
      // Names are bytes: one that is no text must not hide what is beside it.
      for await (const entry of await opendir(bytes(directory), { encoding: "latin1" as BufferEncoding })) {
        const path = `${directory}/${entry.name}`;
        const { ino, nlink, blocks } = await lstat(bytes(path));
        if (entry.isDirectory()) await this.count(path);
        else if (nlink > 1 && this.#seen.has(ino)) continue;
        else if (nlink > 1) this.#seen.add(ino);
        this.#total += blocks * 512;
        if (this.#total > this.enough) break;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EACCES") throw error;
      // Removed while it was walked: the next poll counts again.
    }
    return this.#total;
  }
}

/** Bytes of files of a view that have no name any more but are kept open. */
async function deletedOpen({ root }: View, { proc }: Holder): Promise<number> {
  const sizes = new Map<number, number>();
  try {
    const { dev } = await stat(root);
    for (const pid of await readdir(proc)) {
      if (!/^\d+$/.test(pid)) continue;
      const open = `${proc}/${pid}/fd`;
      for (const fd of await readdir(open).catch(() => [])) {
        const file = await stat(`${open}/${fd}`).catch(() => undefined);
        if (file?.nlink === 0 && file.dev === dev) sizes.set(file.ino, file.blocks * 512);
      }
    }
  } catch {
    // The holder has ended, and with it the command.
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
