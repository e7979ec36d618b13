// @ts-check
// Plain JavaScript: the program that merges layers runs as it is.
import { closeSync, constants, openSync } from "node:fs";

const { O_DIRECTORY, O_NOFOLLOW } = constants;
/** A descriptor that only names a place, also of what may not be read; see open(2). Node has no name for it. */
export const O_PATH = 0o10000000;
/** Directories kept open at once. */
const MOST = 24;
/** As the kernel has it, see limits.h. Step by step any depth could be reached, and each step back would be one from the root. */
const PATH_MAX = 4096;

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
  /** @type {string} */
  #root;
  /** @type {number | undefined} */
  #rootFd;
  /**
   * By path; the one used last is the last.
   * @type {Map<string, number>}
   */
  #open = new Map();

  /** @param {string | Buffer} root A directory, followed where it is a link: nobody hostile has a say in its path. */
  constructor(root) {
    this.#root = Buffer.from(root).toString("latin1");
    if (process.platform === "linux") this.#rootFd = openSync(root, O_PATH | O_DIRECTORY);
  }

  /**
   * What a call takes for a path below. Throws ENOENT, ENOTDIR where a part on the way is no directory, and
   * ENAMETOOLONG like the kernel.
   * @param {string} path
   * @returns {Buffer}
   */
  place(path) {
    const bare = path.startsWith("/") ? path.slice(1) : path;
    const slash = bare.lastIndexOf("/");
    const name = bare.slice(slash + 1) || ".";
    return Buffer.from(`${this.#directory(slash === -1 ? "" : bare.slice(0, slash))}/${name}`, "latin1");
  }

  /**
   * The same for a directory whose content is to be read: a call may follow its path to the end.
   * @param {string} path
   * @returns {Buffer}
   */
  directory(path) {
    const bare = path.startsWith("/") ? path.slice(1) : path;
    return Buffer.from(`${this.#directory(bare)}/.`, "latin1");
  }

  /**
   * Call it after a directory below was removed or moved: another may get its name.
   * @param {string} [directory] Which one, with all below it; else all of them.
   */
  forget(directory = "") {
    const bare = directory.startsWith("/") ? directory.slice(1) : directory;
    for (const [path, fd] of this.#open) {
      if (bare !== "" && path !== bare && !path.startsWith(`${bare}/`)) continue;
      this.#open.delete(path);
      closeSync(fd);
    }
  }

  close() {
    this.forget();
    if (this.#rootFd !== undefined) closeSync(this.#rootFd);
  }

  /** @param {string} path */
  #directory(path) {
    if (path.length >= PATH_MAX) throw tooLong();
    if (this.#rootFd === undefined) return path === "" ? this.#root : `${this.#root}/${path}`;
    return `/proc/self/fd/${path === "" ? this.#rootFd : this.#descriptor(path, this.#rootFd)}`;
  }

  /**
   * @param {string} path
   * @param {number} root
   */
  #descriptor(path, root) {
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

  /** @param {string} path */
  #use(path) {
    const descriptor = /** @type {number} */ (this.#open.get(path));
    this.#open.delete(path);
    this.#open.set(path, descriptor);
    return descriptor;
  }

  /**
   * @param {string} path
   * @param {number} descriptor
   */
  #keep(path, descriptor) {
    this.#open.set(path, descriptor);
    if (this.#open.size <= MOST) return;
    const [oldest, fd] = /** @type {[string, number]} */ (this.#open.entries().next().value);
    this.#open.delete(oldest);
    closeSync(fd);
  }
}

function tooLong() {
  const message = `ENAMETOOLONG: a path has more than ${PATH_MAX - 1} bytes`;
  return Object.assign(new Error(message), { code: "ENAMETOOLONG" });
}
