import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { copyFile } from "node:fs/promises";
import type { Ids, Owner } from "../../holder/ids.js";
import { bytes, latin1 } from "../../layers/tree.js";
import { ArchiveError, shown } from "./error.js";
import { children, ImagePaths, lstat, type Parts } from "./paths.js";

/** What a file, directory or link has beside its content; ids as the image means them. */
export interface Attributes {
  uid: number;
  gid: number;
  mode: number;
  mtime: Date;
}

/** The directory an image is extracted to. Nobody else may write in it meanwhile. */
export class ImageTree {
  /** How many entries of archives it was given. */
  entries = 0;
  #paths: ImagePaths;
  /** What the layer at work has made: whiteouts are for what lies below it. */
  #own = new Set<string>();
  #times: [path: Parts, mtime: Date][] = [];

  constructor(
    directory: string,
    private readonly ids: Ids,
  ) {
    this.#paths = new ImagePaths(latin1(directory), (path) => this.#make(path));
    this.#setOwner(this.#paths.root, { uid: 0, gid: 0 });
    chmodSync(directory, 0o755);
  }

  beginLayer(): void {
    this.#own.clear();
    this.#times = [];
  }

  /** Directories get their times last: making something in one changes them. */
  endLayer(): void {
    for (const [parts, mtime] of this.#times) {
      const path = this.#paths.place(parts);
      if (lstat(path)?.isDirectory()) utimesSync(bytes(path), mtime, mtime);
    }
  }

  addDirectory(parts: Parts, entry: Attributes): void {
    const path = this.#paths.place(parts);
    if (!lstat(path)?.isDirectory()) {
      this.#remove(path);
      mkdirSync(bytes(path), 0o700);
    }
    this.#own.add(path);
    this.#setOwner(path, entry);
    chmodSync(bytes(path), this.ids.range ? entry.mode & 0o1777 : (entry.mode & 0o1777) | 0o700);
    this.#times.push([parts, entry.mtime]);
  }

  async addFile(parts: Parts, entry: Attributes, content: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#free(parts);
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const file = openSync(bytes(path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      for await (const chunk of content)
        for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
      const owner = this.#ownerOf(entry);
      if (owner) fchownSync(file, owner.uid, owner.gid);
      fchmodSync(file, this.#fileMode(entry.mode));
      futimesSync(file, entry.mtime, entry.mtime);
    } finally {
      closeSync(file);
    }
  }

  /** A copy of a host file, which shares its blocks where the file system can. */
  async addCopy(parts: Parts, entry: Attributes, source: Buffer): Promise<void> {
    const path = this.#free(parts);
    const { COPYFILE_EXCL, COPYFILE_FICLONE } = constants;
    await copyFile(source, bytes(path), COPYFILE_EXCL | COPYFILE_FICLONE);
    this.#setOwner(path, entry);
    chmodSync(bytes(path), this.#fileMode(entry.mode));
    lutimesSync(bytes(path), entry.mtime, entry.mtime);
  }

  addSymlink(parts: Parts, entry: Attributes & { linkname: string }): void {
    const path = this.#free(parts);
    symlinkSync(bytes(entry.linkname), bytes(path));
    this.#setOwner(path, entry);
    lutimesSync(bytes(path), entry.mtime, entry.mtime);
  }

  /** A second name for a file of this layer or a lower one. */
  addLink(parts: Parts, target: Parts): void {
    const existing = this.#paths.place(target);
    const stat = lstat(existing);
    if (!stat || stat.isDirectory())
      throw new ArchiveError(
        `is damaged: the hard link ${shown(parts.join("/"))} is to ${shown(target.join("/"))}, which ${stat ? "is a directory" : "is not there"}`,
      );
    if (this.#paths.place(parts) === existing) return;
    linkSync(bytes(existing), bytes(this.#free(parts)));
  }

  /** Removes what lower layers have at a path. */
  hide(parts: Parts): void {
    this.#hide(this.#paths.place(parts));
  }

  /** Removes what lower layers have in a directory. */
  hideChildren(parts: Parts): void {
    const path = this.#paths.place(parts);
    if (lstat(path)?.isDirectory()) for (const child of children(path)) this.#hide(child);
  }

  #hide(path: string): void {
    const isDirectory = lstat(path)?.isDirectory() ?? false;
    if (isDirectory) for (const child of children(path)) this.#hide(child);
    if (!this.#own.has(path) && (!isDirectory || children(path).length === 0)) this.#remove(path);
  }

  /** A path at which there is nothing yet. */
  #free(parts: Parts): string {
    const path = this.#paths.place(parts);
    if (path === this.#paths.root) throw new ArchiveError("is damaged: its root is not a directory");
    this.#remove(path);
    this.#own.add(path);
    return path;
  }

  #remove(path: string): void {
    const stat = lstat(path);
    if (!stat) return;
    this.#paths.forget();
    if (stat.isDirectory()) {
      for (const child of children(path)) this.#remove(child);
      rmdirSync(bytes(path));
    } else unlinkSync(bytes(path));
  }

  #make(path: string): void {
    mkdirSync(bytes(path), 0o755);
    chmodSync(bytes(path), 0o755); // whatever the caller's umask
    this.#setOwner(path, { uid: 0, gid: 0 });
  }

  /** Without setuid and setgid. An ordinary caller's sandboxes read their base as the caller. */
  #fileMode(mode: number): number {
    if (this.ids.range) return mode & 0o1777;
    return (mode & 0o777) | 0o400 | ((mode & 0o111) === 0 ? 0 : 0o100);
  }

  #setOwner(path: string, ids: { uid: number; gid: number }): void {
    const owner = this.#ownerOf(ids);
    if (owner) lchownSync(bytes(path), owner.uid, owner.gid);
  }

  #ownerOf(ids: { uid: number; gid: number }): Owner {
    return this.ids.ownerInImage(ids);
  }
}
