import { constants } from "node:fs";
import { lstat, open, opendir, readdir, stat } from "node:fs/promises";
import type { Limits } from "../../../engine.js";
import { clearTimeout, setTimeout } from "../../../timers.js";
import type { Holder } from "../holder/holder.js";
import type { Layer } from "../layers/layer.js";
import type { View } from "../layers/snapshots.js";
import { bytes, latin1 } from "../layers/tree.js";
import type { CommandCgroup } from "./cgroups.js";

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

const POLL_MS = 200;
/** Every level of a walk holds two descriptors. */
const DEEPEST = 100;
/** A program takes a tenth of the time: nobody shall fill the disk while empty files are looked at one by one. */
const MOST_ENTRIES = 5000;

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
    // What can't be looked at now is looked at again, at the latest by `verdict`, which says why it can't be.
    const why = await look().catch(() => undefined);
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
    return await usage(latin1(path), enough, MOST_ENTRIES);
  } catch {
    // Too deep, too many, or closed to an ordinary caller, who is the user that closed it. In the holder we are root.
    const said = await holder
      .task("sh", "-c", 'du -sk -- "$1" 2>/dev/null; true', "sh", `l/${name}`)
      .catch(() => "");
    return (Number.parseInt(said, 10) || 0) * 1024;
  }
}

/**
 * Bytes on disk below a directory, a latin1 string of its bytes; may stop counting past `enough`. Throws where it
 * may not look, below DEEPEST and past `entries`.
 */
export async function usage(directory: string, enough: number, entries?: number): Promise<number> {
  return new Usage(enough, entries).count(directory, 0);
}

/** A command that is being counted can swap a directory for a link at any time: no path is followed but by one name. */
class Usage {
  #total = 0;
  /** Of files with several links: they count once. */
  #seen = new Set<number>();

  #entries = 0;

  constructor(
    private readonly enough: number,
    private readonly most = Number.POSITIVE_INFINITY,
  ) {}

  async count(path: string, depth: number): Promise<number> {
    const directory = await unlessGone(open(bytes(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (!directory) return this.#total;
    try {
      if (depth > DEEPEST) throw new Error(`more than ${DEEPEST} directories deep`);
      const here = `/proc/self/fd/${directory.fd}`;
      // Names are bytes: one that is no text must not hide what is beside it.
      for await (const { name } of await opendir(here, { encoding: "latin1" as BufferEncoding })) {
        if (++this.#entries > this.most) throw new Error(`more than ${this.most} entries`);
        const found = await unlessGone(lstat(bytes(`${here}/${name}`)));
        if (!found) continue;
        if (found.isDirectory()) await this.count(`${here}/${name}`, depth + 1);
        else if (found.nlink > 1 && this.#seen.has(found.ino)) continue;
        else if (found.nlink > 1) this.#seen.add(found.ino);
        this.#total += found.blocks * 512;
        if (this.#total > this.enough) break;
      }
    } finally {
      await directory.close();
    }
    return this.#total;
  }
}

/** Undefined for what was removed, or became something else, while it was walked. */
async function unlessGone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return undefined;
    throw error;
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
