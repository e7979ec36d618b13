// @ts-check
// Merges layers. Plain JavaScript, since it also runs in a program of the holder (merge-program.mjs), where an
// ordinary caller is root of a user namespace and may look into directories that sandboxed code has closed to its own
// user.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  utimesSync,
} from "node:fs";
import { setImmediate } from "node:timers"; // not the global one, which a caller's tests may fake

/** @import { Stats } from "node:fs" */

/**
 * @typedef {object} Trees Paths as latin1 strings of their bytes.
 * @property {string} merged An empty directory: the layer to make.
 * @property {string} whiteout overlayfs's mark for "not here".
 * @property {string} whole The tree that shows all layers.
 * @property {string} under The tree that shows those under the run.
 * @property {readonly string[]} run The layers to merge, top first.
 */

/**
 * Fills a layer that does, over what is under it, what the run does. Computed from what the merged trees show,
 * not from overlayfs's own marks: those are extended attributes, which Node can't read. Files are hard links.
 * @param {Trees} trees
 * @returns {Promise<void>}
 */
export async function merge(trees) {
  await new Merge(trees).directory("", trees.run, true);
}

class Merge {
  #entries = 0;
  #trees;
  /**
   * Of files that have as many links as the file system takes (65,000 on ext4), by device and inode.
   * @type {Map<string, string>}
   */
  #copies = new Map();

  /** @param {Trees} trees */
  constructor(trees) {
    this.#trees = trees;
  }

  /**
   * `run` and `overDirectory`: where every part of the way to the path is a directory, in which layers and under
   * them. Anywhere else it may lead through a link of the sandbox, which the kernel would follow out of it.
   * @param {string} path
   * @param {readonly string[]} run
   * @param {boolean} overDirectory
   * @returns {Promise<void>}
   */
  async directory(path, run, overDirectory) {
    const { merged, whole, under } = this.#trees;
    const here = run.filter((layer) => stat(layer + path)?.isDirectory());
    const changed = new Set(here.flatMap((layer) => list(layer + path)));
    const shown = new Set(list(whole + path));
    const over = overDirectory && stat(under + path)?.isDirectory() === true;
    const hidden = over ? list(under + path).filter((name) => !shown.has(name)) : [];
    for (const name of hidden) this.#hide(`${merged}${path}/${name}`);
    for (const name of shown) {
      if (changed.has(name)) await this.#entry(`${path}/${name}`, here, over);
    }
  }

  /**
   * @param {string} path
   * @param {readonly string[]} run
   * @param {boolean} overDirectory
   */
  async #entry(path, run, overDirectory) {
    const { whole, merged } = this.#trees;
    // Links of thousands of files take a while: others go on in between.
    if (++this.#entries % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
    const shown = /** @type {Stats} */ (stat(whole + path));
    const to = merged + path;
    if (shown.isDirectory()) {
      mkdirSync(bytes(to));
      await this.directory(path, run, overDirectory);
      copyAttributes(shown, to);
      return;
    }
    const from = run.find((layer) => stat(layer + path));
    if (from) this.#link(from + path, to, shown);
  }

  /**
   * @param {string} from
   * @param {string} to
   * @param {Stats} shown
   */
  #link(from, to, shown) {
    const id = `${shown.dev}:${shown.ino}`;
    try {
      linkSync(bytes(this.#copies.get(id) ?? from), bytes(to));
    } catch (error) {
      if (codeOf(error) !== "EMLINK" || !shown.isFile()) throw error;
      copyFileSync(bytes(from), bytes(to));
      copyAttributes(shown, to);
      this.#copies.set(id, to);
    }
  }

  /** @param {string} path */
  #hide(path) {
    const { whiteout } = this.#trees;
    try {
      linkSync(bytes(whiteout), bytes(path));
    } catch (error) {
      if (codeOf(error) !== "EMLINK") throw error;
      const fresh = `${whiteout}.${randomBytes(4).toString("hex")}`;
      // Node has no mknod. Where it is, the caller's PATH has no say in.
      const env = { PATH: "/usr/bin:/bin" };
      execFileSync("mknod", [bytes(fresh).toString(), "c", "0", "0"], { env });
      renameSync(bytes(fresh), bytes(whiteout));
      linkSync(bytes(whiteout), bytes(path));
    }
  }
}

/**
 * @param {Stats} from
 * @param {string} to
 */
function copyAttributes({ uid, gid, mode, atimeMs, mtimeMs }, to) {
  const path = bytes(to);
  const made = lstatSync(path);
  if (made.uid !== uid || made.gid !== gid) chownSync(path, uid, gid);
  chmodSync(path, mode & 0o7777);
  utimesSync(path, atimeMs / 1000, mtimeMs / 1000);
}

/**
 * @param {string} path
 * @returns {Stats | undefined}
 */
function stat(path) {
  try {
    return lstatSync(bytes(path), { throwIfNoEntry: false });
  } catch (error) {
    if (codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** @param {string} path */
function list(path) {
  return readdirSync(bytes(path), { encoding: "latin1" });
}

/** @param {string} path */
function bytes(path) {
  return Buffer.from(path, "latin1");
}

/** @param {unknown} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code;
}
