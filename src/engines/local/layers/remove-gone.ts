import { chmodSync, rmdirSync, type Stats, unlinkSync } from "node:fs";
import { isClosed, openToOwner } from "../../../files/closed.js";
import { systemCode } from "../../../files/errors.js";
import type { Slices } from "../../../files/slices.js";
import { inside } from "./fresh-entries.js";
import type { Tree } from "./tree.js";

/**
 * Removes what the host no longer has from a merged tree, also from directories that are closed to their owner. Children
 * come before their parents; a directory in which the sandbox made something of its own stays.
 */
export async function removeGone(
  tree: Tree,
  to: string,
  remove: readonly Buffer[],
  slices: Slices,
): Promise<void> {
  const directories = new Directories(tree, to);
  for (const path of remove) {
    if (slices.due()) await slices.rest();
    const name = path.toString("latin1");
    const real = inside(to, name);
    // What lies in the walls was never written by an import: it is the host's own.
    if (tree.isReadOnly(real) || tree.isOutside(real)) continue;
    const above = name.slice(0, Math.max(0, name.lastIndexOf("/")));
    const stat = directories.open(above) ? tree.lstat(real) : undefined;
    if (!stat) continue;
    if (!stat.isDirectory()) {
      unlinkSync(tree.place(real));
      continue;
    }
    directories.open(name);
    try {
      rmdirSync(tree.place(real));
      directories.forget(name);
    } catch (error) {
      if (systemCode(error) !== "ENOTEMPTY") throw error;
    }
  }
  directories.close();
}

/** Directories below the target, opened to their owner for as long as something is removed from them. */
class Directories {
  readonly #tree: Tree;
  readonly #to: string;
  readonly #known = new Map<string, boolean>();
  readonly #opened = new Map<string, Stats>();

  constructor(tree: Tree, to: string) {
    this.#tree = tree;
    this.#to = to;
  }

  /** False where it is none, or is behind a link: sandboxed code may have put one in its place. */
  open(name: string): boolean {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const isThere = name === "" || this.open(name.slice(0, Math.max(0, name.lastIndexOf("/"))));
    const real = name === "" ? this.#to : inside(this.#to, name);
    const stat = isThere ? this.#tree.lstat(real) : undefined;
    const isDirectory = stat?.isDirectory() === true;
    if (isDirectory && isClosed(stat)) {
      openToOwner(this.#tree.place(real), stat.mode & 0o7777);
      this.#opened.set(real, stat);
    }
    this.#known.set(name, isDirectory);
    return isDirectory;
  }

  forget(name: string): void {
    this.#opened.delete(inside(this.#to, name));
  }

  /** Those that are left are as they were. */
  close(): void {
    for (const [real, { mode }] of [...this.#opened].reverse())
      chmodSync(this.#tree.place(`${real}/.`), mode & 0o7777);
  }
}
