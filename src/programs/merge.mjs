// @ts-check
// Merges layers. Plain JavaScript, since it also runs in a program of the holder (merge-program.mjs), where an
// ordinary caller is root of a user namespace and may look into directories that sandboxed code has closed to its own
// user.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  renameSync,
  utimesSync,
} from "node:fs";
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers"; // not the global one, which a caller's tests may fake

import { Beneath, O_PATH } from "./beneath.mjs";

/** @import { Stats } from "node:fs" */

const SLICE_MS = 10;
// Bound now: a caller's tests may stop the clock later.
const now = performance.now.bind(performance);
const { COPYFILE_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

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
  const merge = new Merge(trees);
  try {
    await merge.directory("", merge.run, true);
  } finally {
    merge.close();
  }
}

class Merge {
  #pauseAt = now() + SLICE_MS;
  #whiteout;
  /** @type {Beneath[]} */
  #opened = [];
  #merged;
  /** The same, for two places at once. */
  #copied;
  #whole;
  #under;
  /** @type {readonly Beneath[]} */
  run;
  /**
   * Of files that have as many links as the file system takes (65,000 on ext4), by device and inode.
   * @type {Map<string, string>}
   */
  #copies = new Map();

  /** @param {Trees} trees */
  constructor({ merged, whiteout, whole, under, run }) {
    this.#whiteout = whiteout;
    try {
      this.#merged = this.#open(merged);
      this.#copied = this.#open(merged);
      this.#whole = this.#open(whole);
      this.#under = this.#open(under);
      this.run = run.map((layer) => this.#open(layer));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close() {
    for (const tree of this.#opened) tree.close();
  }

  /** @param {string} path */
  #open(path) {
    const tree = new Beneath(bytes(path));
    this.#opened.push(tree);
    return tree;
  }

  /**
   * `run` and `overDirectory`: where the path is a directory, in which layers and under them.
   * @param {string} path
   * @param {readonly Beneath[]} run
   * @param {boolean} overDirectory
   * @returns {Promise<void>}
   */
  async directory(path, run, overDirectory) {
    const here = run.filter((layer) => stat(layer, path)?.isDirectory());
    /** @type {Set<string>} */
    const changed = new Set();
    for (const layer of here) for (const name of await this.#list(layer, path)) changed.add(name);
    const shown = new Set(await this.#list(this.#whole, path));
    const over = overDirectory && stat(this.#under, path)?.isDirectory() === true;
    for (const name of over ? await this.#list(this.#under, path) : []) {
      if (shown.has(name)) continue;
      this.#hide(`${path}/${name}`);
      await this.#pause();
    }
    for (const name of shown) if (changed.has(name)) await this.#entry(`${path}/${name}`, here, over);
  }

  /**
   * @param {string} path
   * @param {readonly Beneath[]} run
   * @param {boolean} overDirectory
   */
  async #entry(path, run, overDirectory) {
    await this.#pause();
    const shown = stat(this.#whole, path);
    if (!shown) throw new Error(`${path} vanished while layers were merged`);
    if (shown.isDirectory()) {
      mkdirSync(this.#merged.place(path));
      await this.directory(path, run, overDirectory);
      copyAttributes(shown, this.#merged.place(path));
      return;
    }
    const from = run.find((layer) => stat(layer, path));
    if (from) this.#link(from, path, shown);
  }

  /** Thousands of files take a while: others go on in between. */
  async #pause() {
    if (now() < this.#pauseAt) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#pauseAt = now() + SLICE_MS;
  }

  /**
   * In pieces: a directory may have as many names as the disk takes.
   * @param {Beneath} tree
   * @param {string} path
   */
  async #list(tree, path) {
    /** @type {string[]} */
    const names = [];
    const encoding = /** @type {BufferEncoding} */ ("latin1");
    const listing = opendirSync(tree.directory(path), { encoding, bufferSize: 512 });
    try {
      for (let entry = listing.readSync(); entry; entry = listing.readSync()) {
        names.push(entry.name);
        if (names.length % 2000 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      listing.closeSync();
    }
    return names;
  }

  /**
   * @param {Beneath} from
   * @param {string} path
   * @param {Stats} shown
   */
  #link(from, path, shown) {
    const id = `${shown.dev}:${shown.ino}`;
    const copy = this.#copies.get(id);
    try {
      const source = copy === undefined ? from.place(path) : this.#copied.place(copy);
      linkSync(source, this.#merged.place(path));
    } catch (error) {
      if (codeOf(error) !== "EMLINK" || !shown.isFile()) throw error;
      const source = openSync(from.place(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      try {
        copyFileSync(`/proc/self/fd/${source}`, this.#merged.place(path), COPYFILE_EXCL);
      } finally {
        closeSync(source);
      }
      copyAttributes(shown, this.#merged.place(path));
      this.#copies.set(id, path);
    }
  }

  /** @param {string} path */
  #hide(path) {
    const whiteout = this.#whiteout;
    try {
      linkSync(bytes(whiteout), this.#merged.place(path));
    } catch (error) {
      if (codeOf(error) !== "EMLINK") throw error;
      const fresh = `${whiteout}.${randomBytes(4).toString("hex")}`;
      // Node has no mknod. Where it is, the caller's PATH has no say in.
      const env = { PATH: "/usr/bin:/bin" };
      execFileSync("mknod", [bytes(fresh).toString(), "c", "0", "0"], { env });
      renameSync(bytes(fresh), bytes(whiteout));
      linkSync(bytes(whiteout), this.#merged.place(path));
    }
  }
}

/**
 * @param {Stats} from
 * @param {Buffer} place
 */
function copyAttributes({ uid, gid, mode, atimeMs, mtimeMs }, place) {
  const fd = openSync(place, O_PATH | O_NOFOLLOW);
  try {
    const itself = `/proc/self/fd/${fd}`;
    const made = fstatSync(fd);
    if (made.uid !== uid || made.gid !== gid) chownSync(itself, uid, gid);
    chmodSync(itself, mode & 0o7777);
    utimesSync(itself, atimeMs / 1000, mtimeMs / 1000);
  } finally {
    closeSync(fd);
  }
}

/**
 * @param {Beneath} tree
 * @param {string} path
 * @returns {Stats | undefined}
 */
function stat(tree, path) {
  try {
    return lstatSync(tree.place(path));
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(codeOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** @param {string} path */
function bytes(path) {
  return Buffer.from(path, "latin1");
}

/** @param {unknown} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code;
}
