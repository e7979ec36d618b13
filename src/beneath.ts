import { closeSync, constants, openSync } from "node:fs";

const { O_DIRECTORY, O_NOFOLLOW } = constants;
/** A descriptor that only names a place, also of a directory that may not be read; see open(2). Node has no name for it. */
const O_PATH = 0o10000000;
/** Directories kept open at once. */
const MOST = 24;

/**
 * Places below a directory that somebody hostile may be changing at this moment. Every directory on the way is held
 * by a descriptor that was opened from its parent's without following a link, so what is swapped meanwhile leads
 * nowhere else: `path_resolution(7)`, and `/proc/self/fd` of proc(5).
 *
 * Paths are latin1 strings of their bytes, with or without a slash at the start, without `.`, `..` and empty parts.
 * A place is good only until the next call that asks for one: use it at once, in a call that does not follow a link
 * at its end (lstat, readlink, unlink, mkdir, rename, symlink, link; open with O_NOFOLLOW), and never across an await.
 *
 * Elsewhere than on Linux a place is the plain path: no engine shows a tree there that anything could be changing.
 */
export class Beneath {
  readonly #root: string;
  readonly #rootFd: number | undefined;
  /** By path; the one used last is the last. */
  readonly #open = new Map<string, number>();

  /** @param root - A directory, followed where it is a link: nobody hostile has a say in its path. */
  constructor(root: string | Buffer) {
    this.#root = typeof root === "string" ? Buffer.from(root).toString("latin1") : root.toString("latin1");
    if (process.platform === "linux") this.#rootFd = openSync(root, O_PATH | O_DIRECTORY);
  }

  /** What a call takes for a path below. Throws ENOENT, and ENOTDIR where a part on the way is no directory. */
  place(path: string): Buffer {
    const bare = path.startsWith("/") ? path.slice(1) : path;
    const slash = bare.lastIndexOf("/");
    const name = bare.slice(slash + 1) || ".";
    return Buffer.from(`${this.#directory(slash === -1 ? "" : bare.slice(0, slash))}/${name}`, "latin1");
  }

  /** Call it after a directory below was removed or moved: another may get its name. */
  forget(): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  close(): void {
    this.forget();
    if (this.#rootFd !== undefined) closeSync(this.#rootFd);
  }

  #directory(path: string): string {
    if (this.#rootFd === undefined) return path === "" ? this.#root : `${this.#root}/${path}`;
    return `/proc/self/fd/${path === "" ? this.#rootFd : this.#descriptor(path, this.#rootFd)}`;
  }

  #descriptor(path: string, root: number): number {
    let end = path.length;
    while (end > 0 && !this.#open.has(path.slice(0, end))) end = Math.max(0, path.lastIndexOf("/", end - 1));
    let descriptor = end === 0 ? root : this.#use(path.slice(0, end));
    while (end < path.length) {
      const start = end === 0 ? 0 : end + 1;
      const slash = path.indexOf("/", start);
      end = slash === -1 ? path.length : slash;
      const place = Buffer.from(`/proc/self/fd/${descriptor}/${path.slice(start, end)}`, "latin1");
      descriptor = openSync(place, O_PATH | O_DIRECTORY | O_NOFOLLOW);
      this.#keep(path.slice(0, end), descriptor);
    }
    return descriptor;
  }

  #use(path: string): number {
    const descriptor = this.#open.get(path) as number;
    this.#open.delete(path);
    this.#open.set(path, descriptor);
    return descriptor;
  }

  #keep(path: string, descriptor: number): void {
    this.#open.set(path, descriptor);
    if (this.#open.size <= MOST) return;
    const [oldest, fd] = this.#open.entries().next().value as [string, number];
    this.#open.delete(oldest);
    closeSync(fd);
  }
}
