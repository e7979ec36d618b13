import {
  type BigIntStats,
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readlinkSync,
  type Stats,
  symlinkSync,
  utimesSync,
} from "node:fs";
import type { ImportEntry } from "../../../engine.js";
import { inodeOf } from "../../../files/amount.js";
import { joinBytes } from "../../../files/bytes.js";
import { DataCopier } from "../../../files/copy-data.js";
import { copyHostFile, type FoundOnHost } from "../../../files/copy-host-file.js";
import { hostError, isGone, systemCode } from "../../../files/errors.js";
import { Slices } from "../../../files/slices.js";
import { seconds } from "../../../files/times.js";
import { Beneath } from "../../../programs/beneath.mjs";
import type { Owner } from "../holder/ids.js";
import type { LargeFiles } from "./large-files.js";
import type { Layer } from "./layer.js";
import type { Tree } from "./tree.js";

const operation = "refreshFromHost";

/** What a directory gets once all that goes into it is there. */
interface Final {
  mode: number;
  owner: Owner;
  /** Seconds; left out where it is new. */
  times?: [atime: number, mtime: number];
}

/**
 * Writes into a layer that is not mounted. Its directories are made open to us, and get the attributes that they have in
 * the snapshot, or on the host, with `finish`: either may have closed them. Close it.
 */
export class LayerWriter {
  readonly #tree: Tree;
  readonly #owner: Owner;
  readonly #large: LargeFiles | undefined;
  readonly #layer: Beneath;
  /** The same: of one tree only one place at a time is good, and a link has two. */
  readonly #linked: Beneath;
  readonly #made = new Map<string, Final | undefined>([["", undefined]]);
  /** Where files lie that have more names on the host. */
  readonly #copies = new Map<string, string>();

  constructor(tree: Tree, layer: Layer, owner: Owner, large?: LargeFiles) {
    this.#tree = tree;
    this.#owner = owner;
    this.#large = large;
    this.#layer = new Beneath(layer.path);
    this.#linked = new Beneath(layer.path);
  }

  close(): void {
    this.#layer.close();
    this.#linked.close();
  }

  /** Makes a directory and its parents. */
  ensure(real: string): void {
    if (real === "/" || this.#made.has(real)) return;
    this.ensure(real.slice(0, real.lastIndexOf("/")));
    mkdirSync(this.#layer.place(real), 0o700);
    const there = look(this.#tree, real);
    this.#made.set(
      real,
      there?.isDirectory() ? finalLike(there, this.#owner) : { mode: 0o755, owner: this.#owner },
    );
  }

  /** Brings entries of a host directory to `to`. Gives those that were there when their turn came. */
  async write(
    source: string,
    to: string,
    entries: readonly ImportEntry[],
    slices: Slices,
  ): Promise<Set<ImportEntry>> {
    const host = new Beneath(source);
    const data = new DataCopier(slices);
    const brought = new Set<ImportEntry>();
    const above = Buffer.from(source);
    try {
      for (const entry of entries) {
        if (slices.due()) await slices.rest();
        const name = entry.path.toString("latin1");
        const real = to === "/" ? `/${name}` : `${to}/${name}`;
        // Only a directory that is there.
        const isThere = this.#tree.isReadOnly(real) || this.#tree.isOutside(real);
        if (isThere || (await this.#bring(host, data, entry, name, real, above))) brought.add(entry);
      }
      return brought;
    } finally {
      await data.close();
      host.close();
    }
  }

  /**
   * Gives the directories their attributes, children first.
   * @param place - Where they are: in the layer itself unless it has been mounted.
   */
  async finish(place = (real: string): Buffer => this.#layer.place(`${real}/`)): Promise<void> {
    const slices = new Slices(operation);
    for (const [real, final] of [...this.#made].reverse()) {
      if (final === undefined) continue;
      if (slices.due()) await slices.rest();
      const { mode, owner, times } = final;
      if (times) utimesSync(place(real), ...times);
      if (owner) chownSync(place(real), owner.uid, owner.gid);
      chmodSync(place(real), mode);
    }
  }

  /** False when it is gone. What took its place meanwhile is taken as it is. */
  async #bring(
    host: Beneath,
    data: DataCopier,
    entry: ImportEntry,
    name: string,
    real: string,
    above: Buffer,
  ): Promise<boolean> {
    if (entry.type === "directory") return this.#bringDirectory(host, name, real);
    if (entry.type === "symlink" && this.#bringLink(host, entry, name, real)) return true;
    if (entry.inode !== undefined && this.#linkToCopy(host, entry.inode, name, real)) return true;
    const found = await this.#bringFile(host, data, entry, name, real, above);
    if (found === "link") return this.#bringLink(host, entry, name, real);
    if (found === "file" && entry.inode !== undefined && isInode(host, name, entry.inode))
      this.#copies.set(entry.inode, real);
    return found === "file";
  }

  async #bringFile(
    host: Beneath,
    data: DataCopier,
    entry: ImportEntry,
    name: string,
    real: string,
    above: Buffer,
  ): Promise<FoundOnHost> {
    const from = () => host.place(name);
    const into = () => this.#placeIn(real);
    const copy = () => copyHostFile(data, from, into, this.#owner, joinBytes(above, entry.path));
    const large = this.#large?.wants(entry) ? this.#large : undefined;
    const keyNow = () => large?.key(lstatBelow(host, name), this.#owner);
    const key = keyNow();
    return key === undefined || large === undefined ? copy() : large.bring(key, into, copy, keyNow);
  }

  #bringDirectory(host: Beneath, name: string, real: string): boolean {
    const stat = lstatBelow(host, name);
    if (!stat?.isDirectory()) return false;
    this.ensure(real);
    const times: [number, number] = [seconds(stat.atimeNs), seconds(stat.mtimeNs)];
    this.#made.set(real, { mode: Number(stat.mode) & 0o1777, owner: this.#owner, times });
    return true;
  }

  #bringLink(host: Beneath, { path, mtime }: ImportEntry, name: string, real: string): boolean {
    let target: Buffer;
    try {
      target = readlinkSync(host.place(name), { encoding: "buffer" });
    } catch (error) {
      if (isGone(error) || systemCode(error) === "EINVAL") return false;
      throw hostError(error, operation, "Can't read", path.toString());
    }
    symlinkSync(target, this.#placeIn(real));
    if (this.#owner) lchownSync(this.#layer.place(real), this.#owner.uid, this.#owner.gid);
    lutimesSync(this.#layer.place(real), mtime, mtime);
    return true;
  }

  /** False where it has to be copied. */
  #linkToCopy(host: Beneath, inode: string, name: string, real: string): boolean {
    const copy = this.#copies.get(inode);
    if (copy === undefined || !isInode(host, name, inode)) return false;
    const to = this.#placeIn(real);
    try {
      linkSync(this.#linked.place(copy), to);
      return true;
    } catch (error) {
      if (systemCode(error) === "EMLINK" || systemCode(error) === "EPERM") return false;
      throw error;
    }
  }

  #placeIn(real: string): Buffer {
    this.ensure(real.slice(0, real.lastIndexOf("/")));
    return this.#layer.place(real);
  }
}

/** What the snapshot has there; undefined also where its owner may not look, for its owner may be who we are. */
export function look(tree: Tree, real: string): Stats | undefined {
  try {
    return tree.lstat(real);
  } catch (error) {
    if (systemCode(error) === "EACCES") return undefined;
    throw error;
  }
}

function finalLike({ mode, uid, gid, atimeMs, mtimeMs }: Stats, owner: Owner): Final {
  const times: [number, number] = [atimeMs / 1000, mtimeMs / 1000];
  return { mode: mode & 0o7777, owner: owner && { uid, gid }, times };
}

function lstatBelow(host: Beneath, name: string): BigIntStats | undefined {
  try {
    return lstatSync(host.place(name), { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Whether a name is still that of the file that was listed, as it was then. */
function isInode(host: Beneath, name: string, inode: string): boolean {
  try {
    return inodeOf(lstatSync(host.place(name), { bigint: true })) === inode;
  } catch {
    return false;
  }
}
