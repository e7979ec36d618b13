import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { SandboxError } from "../../../errors.js";
import { Beneath } from "../../../programs/beneath.mjs";
import { notADirectory, notFound, tooLong, tooManyLinks } from "../../path-errors.js";
import type { Bind } from "../bases/base-tree.js";
import type { Opened } from "./opened.js";

/** Parts of a path and of the links on its way, together: sandboxed code can plant 40 links of 2,000 parts each. */
const MOST_STEPS = 4096;

/**
 * Finds sandbox paths on the host, link by link inside the sandbox: sandboxed code can plant any link, so the kernel
 * must never follow one for us, not even one that takes a directory's place while we look. Paths are latin1 strings
 * of their bytes, so that names that are not UTF-8 work like all others; `place` gives what the file system calls
 * take. It holds descriptors: close it.
 */
export class Tree {
  readonly #view: Beneath;
  readonly #shown = new Map<Bind, Beneath>();

  /** Throws ENOENT where the view is gone. */
  constructor(
    readonly root: string,
    readonly binds: readonly Bind[],
    readonly outside: readonly string[],
    /** We may read what the sandbox's user may not: that of the host has to be refused here. */
    private readonly strangers: boolean,
    /** Set for another try, where sandboxed code has closed something to an ordinary caller. */
    readonly opened?: Opened,
  ) {
    this.#view = new Beneath(root);
  }

  close(): void {
    this.#view.close();
    for (const shown of this.#shown.values()) shown.close();
  }

  /** What a call takes for a path without links; see {@link Beneath} for how long, and for which calls. */
  place(real: string): Buffer {
    const bind = this.#bindOf(real);
    if (!bind) return this.#view.place(real);
    const below = real.slice(latin1(bind.at).length);
    return below === "" ? Buffer.from(bind.from) : this.#belowBind(bind).place(below);
  }

  /** The same for a directory whose content is to be read. */
  directory(real: string): Buffer {
    const bind = this.#bindOf(real);
    return bind
      ? this.#belowBind(bind).directory(real.slice(latin1(bind.at).length))
      : this.#view.directory(real);
  }

  #belowBind(bind: Bind): Beneath {
    const shown = this.#shown.get(bind) ?? new Beneath(bind.from);
    this.#shown.set(bind, shown);
    return shown;
  }

  /** Call it after a directory was removed. */
  forget(real: string): void {
    this.#view.forget(real);
  }

  /** The path without links. `stat` is undefined where it ends in nothing, whose parent may be missing too. */
  resolve(path: string, operation: string, followLast: boolean): Found {
    try {
      return this.#walk(path, operation, followLast);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENAMETOOLONG") throw tooLong(path, operation, error);
      if (code !== "EACCES" || this.isLost()) throw this.reasonOf(error);
      const message = `${operation} ${path}: sandboxed code has closed a directory on the way to it.`;
      throw new SandboxError("PERMISSION", message, { operation, path, cause: error });
    }
  }

  #walk(path: string, operation: string, followLast: boolean): Found {
    const todo = partsOf(latin1(path)); // the next one is the last
    let at = "";
    let stat: Stats | undefined = this.lstat("/");
    let links = 0;
    let steps = 0;
    for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
      if (part === ".") continue;
      if (part === "..") {
        at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
        continue;
      }
      if (++steps > MOST_STEPS) throw tooManyLinks(path, operation);
      const next = `${at}/${part}`;
      stat = this.lstat(next);
      if (!stat) {
        if (todo.includes("..")) throw notFound(path, operation);
        return new Found(this, [next, ...todo.reverse()].join("/"), undefined);
      }
      if (stat.isSymbolicLink() && (todo.length > 0 || followLast)) {
        if (++links > 40) throw tooManyLinks(path, operation);
        const target = readlinkSync(this.place(next), { encoding: "latin1" });
        if (target.startsWith("/")) at = "";
        todo.push(...partsOf(target));
        stat = this.lstat(at || "/");
        continue;
      }
      if (todo.length > 0) {
        if (!stat.isDirectory()) throw notADirectory(path, fromLatin1(next), operation);
        this.requireOthers(next, stat, 0o001, path, operation);
      }
      at = next;
    }
    return new Found(this, at || "/", at === "" ? this.lstat("/") : this.lstat(at));
  }

  /** Of the host's own files only what everybody may read is shown: a link to one must not read with our rights. */
  requireOthers(real: string, stat: Stats, bit: 0o001 | 0o004, path: string, operation: string): void {
    if (!this.strangers || (stat.mode & bit) !== 0 || !this.isReadOnly(real)) return;
    throw new SandboxError(
      "PERMISSION",
      `${operation} ${path}: the sandbox's user may not read this part of the host.`,
      { operation, path },
    );
  }

  isReadOnly(real: string): boolean {
    return this.#bindOf(real) !== undefined;
  }

  /** /proc, /dev and the caches are mounted anew for every command; what they hold is in no snapshot. */
  isOutside(real: string): boolean {
    return this.outside.some((path) => real === path || real.startsWith(`${path}/`));
  }

  #bindOf(real: string): Bind | undefined {
    // The last: inner ones lie on outer ones, and come after them.
    return this.binds.findLast(({ at }) => real === latin1(at) || real.startsWith(`${latin1(at)}/`));
  }

  /** What is at a path without links; undefined where nothing is, or where a link is on the way by now. */
  lstat(real: string): Stats | undefined {
    try {
      return this.#throughClosed(real);
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (!["ENOENT", "ENOTDIR", "ELOOP"].includes(code)) throw error;
      if (this.isLost()) throw treeLost(error);
      return undefined;
    }
  }

  #throughClosed(real: string): Stats {
    try {
      return lstatSync(this.place(real));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EACCES" || !this.opened || this.isReadOnly(real))
        throw error;
      this.open(real.slice(0, real.lastIndexOf("/")));
      return lstatSync(this.place(real));
    }
  }

  /** Before what is there is read, or a directory changed. */
  open(real: string): void {
    if (!this.isReadOnly(real)) this.opened?.open(this.place(real));
  }

  /** The tree is gone with the holder, at once: a moment before this process hears of its end. */
  isLost(): boolean {
    try {
      return lstatSync(bytes(latin1(this.root)), { throwIfNoEntry: false }) === undefined;
    } catch {
      return true;
    }
  }

  /** What made an operation on the tree fail: a path of a tree that is gone says nothing of the snapshot. */
  reasonOf(error: unknown): unknown {
    return this.isLost() ? treeLost(error) : error;
  }
}

export function treeLost(cause?: unknown): SandboxError {
  return new SandboxError(
    "ENGINE_LOST",
    "The local engine's process ended while a sandbox's files were in use. Snapshots are kept; try the operation again.",
    { operation: "files", cause },
  );
}

/** A resolved path. */
export class Found {
  constructor(
    readonly tree: Tree,
    readonly real: string,
    readonly stat: Stats | undefined,
  ) {}

  /** For file system calls, at once. */
  get place(): Buffer {
    return this.tree.place(this.real);
  }
}

/** The first is the last. */
function partsOf(path: string): string[] {
  return path.split("/").filter(Boolean).reverse();
}

export function latin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

export function fromLatin1(text: string): string {
  return Buffer.from(text, "latin1").toString("utf8");
}

export function bytes(path: string): Buffer {
  return Buffer.from(path, "latin1");
}
