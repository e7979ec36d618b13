import { createHash, randomBytes } from "node:crypto";
import {
  type BigIntStats,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import type { ImportEntry } from "../../../engine.js";
import type { FoundOnHost } from "../../../files/copy-host-file.js";
import { wallClock } from "../../../timers.js";
import type { Owner } from "../holder/ids.js";

/** Copying less takes no time that anybody notices. */
const LARGE_BYTES = 4 * 1024 * 1024;
const MOST_BYTES = 4 * 1024 ** 3;

/**
 * Copies of large host files that nobody may write to, the packs of a git repository above all, to be linked into the
 * layers of later imports: hundreds of megabytes are copied once, not by each candidate and run. Like everything in a
 * layer they never change. One is known by what says that the host's file is still the same: device, inode, size, and both
 * times, of which nobody can set the second. Any of them may go at any time: then the file is copied again.
 */
export class LargeFiles {
  readonly #directory: string;
  /** What is being copied, by key. */
  readonly #copying = new Map<string, Promise<unknown>>();

  /** @param directory - Of the state, on the file system of the layers. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Whether such a file is worth looking at its {@link key}. */
  wants({ type, size, mode }: ImportEntry): boolean {
    return type === "file" && size >= LARGE_BYTES && (mode & 0o222) === 0;
  }

  /** Undefined for what isn't such a file any more. */
  key(stat: BigIntStats | undefined, owner: Owner): string | undefined {
    if (!stat?.isFile() || Number(stat.size) < LARGE_BYTES || (Number(stat.mode) & 0o222) !== 0)
      return undefined;
    const { dev, ino, size, mode, mtimeNs, ctimeNs } = stat;
    const known = [dev, ino, size, mode, mtimeNs, ctimeNs, owner?.uid ?? "", owner?.gid ?? ""];
    return createHash("sha256").update(known.join(":")).digest("hex").slice(0, 32);
  }

  /**
   * Brings a file to a place where nothing is: by a link to its copy, else with `copy`, of which `keyNow` says afterwards
   * whether the host's file stayed the same. Those who come for it meanwhile wait.
   */
  async bring(
    key: string,
    to: () => Buffer,
    copy: () => Promise<FoundOnHost>,
    keyNow: () => string | undefined,
  ): Promise<FoundOnHost> {
    for (let other = this.#copying.get(key); other !== undefined; other = this.#copying.get(key)) await other;
    if (this.#link(key, to())) return "file";
    const mine = copy().then((found) => {
      if (found === "file" && keyNow() === key) this.#keep(key, to());
      return found;
    });
    this.#copying.set(
      key,
      mine.catch(() => undefined).finally(() => this.#copying.delete(key)),
    );
    return mine;
  }

  /** False where there is none, or no more links can be. */
  #link(key: string, to: Buffer): boolean {
    const place = join(this.#directory, key);
    try {
      linkSync(join(place, "data"), to);
      utimesSync(place, wallClock() / 1000, wallClock() / 1000);
      return true;
    } catch {
      return false;
    }
  }

  /** Where that can't be, the next import copies it again. */
  #keep(key: string, from: Buffer): void {
    const place = join(this.#directory, key);
    const draft = `${place}.${randomBytes(4).toString("hex")}`;
    try {
      mkdirSync(draft, { mode: 0o700 });
      linkSync(from, join(draft, "data"));
      renameSync(draft, place);
      this.#removeOldest();
    } catch {
      rmSync(draft, { recursive: true, force: true });
    }
  }

  /** Those that were not used for longest, beyond what they may take together. */
  #removeOldest(): void {
    const all = readdirSync(this.#directory)
      .map((name) => join(this.#directory, name))
      .flatMap((path) => {
        const [used, data] = [path, join(path, "data")].map((at) => statSync(at, { throwIfNoEntry: false }));
        return used && data ? [{ path, at: used.mtimeMs, bytes: data.size }] : [];
      })
      .sort((a, b) => b.at - a.at);
    let bytes = 0;
    for (const file of all) {
      bytes += file.bytes;
      if (bytes > MOST_BYTES) rmSync(file.path, { recursive: true, force: true });
    }
  }
}
