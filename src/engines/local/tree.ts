import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { SandboxError } from "../../errors.js";
import { notADirectory, notFound, tooManyLinks } from "../path-errors.js";
import type { Bind } from "./base.js";

/**
 * Finds sandbox paths on the host, link by link inside the sandbox: sandboxed code can plant any link, so
 * the kernel must never follow one for us. Paths are latin1 strings of their bytes, so that names that are
 * not UTF-8 work like all others; `bytes` gives what the file system calls take.
 */
export class Tree {
  constructor(
    readonly root: string,
    readonly binds: readonly Bind[],
    readonly outside: readonly string[],
    /** We may read what the sandbox's user may not: that of the host has to be refused here. */
    private readonly strangers: boolean,
  ) {}

  /** The path without links. `stat` is undefined where it ends in nothing, whose parent may be missing too. */
  resolve(path: string, operation: string, followLast: boolean): Found {
    try {
      return this.#walk(path, operation, followLast);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EACCES" || this.isLost()) throw this.reasonOf(error);
      const message = `${operation} ${path}: sandboxed code has closed a directory on the way to it.`;
      throw new SandboxError("PERMISSION", message, { operation, path, cause: error });
    }
  }

  #walk(path: string, operation: string, followLast: boolean): Found {
    let todo = latin1(path).split("/").filter(Boolean);
    let at = "";
    let stat: Stats | undefined = this.lstat("/");
    let links = 0;
    while (todo.length > 0) {
      const [part, ...rest] = todo as [string, ...string[]];
      todo = rest;
      if (part === ".") continue;
      if (part === "..") {
        at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
        continue;
      }
      const next = `${at}/${part}`;
      stat = this.lstat(next);
      if (!stat) {
        if (rest.includes("..")) throw notFound(path, operation);
        return new Found(this, [next, ...rest].join("/"), undefined);
      }
      if (stat.isSymbolicLink() && (rest.length > 0 || followLast)) {
        if (++links > 40) throw tooManyLinks(path, operation);
        const target = readlinkSync(bytes(this.onHost(next)), { encoding: "latin1" });
        if (target.startsWith("/")) at = "";
        todo = [...target.split("/").filter(Boolean), ...rest];
        stat = this.lstat(at || "/");
        continue;
      }
      if (rest.length > 0 && !stat.isDirectory()) throw notADirectory(path, fromLatin1(next), operation);
      at = next;
    }
    return new Found(this, at || "/", at === "" ? this.lstat("/") : this.lstat(at));
  }

  /** Where a path without links is on the host. */
  onHost(real: string): string {
    const bind = this.#bindOf(real);
    return bind ? latin1(bind.from) + real.slice(latin1(bind.at).length) : latin1(this.root) + real;
  }

  /** What a call takes that follows no link at the end. */
  place(real: string): Buffer {
    return bytes(this.onHost(real));
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
    return this.binds.find(({ at }) => real === latin1(at) || real.startsWith(`${latin1(at)}/`));
  }

  lstat(real: string): Stats | undefined {
    const stat = this.lstatOnHost(this.onHost(real));
    if (!stat && this.isLost()) throw lost();
    return stat;
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
    return this.isLost() ? lost(error) : error;
  }

  lstatOnHost(path: string): Stats | undefined {
    try {
      return lstatSync(bytes(path), { throwIfNoEntry: false });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
      throw error;
    }
  }
}

function lost(cause?: unknown): SandboxError {
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

  /** For file system calls. */
  get host(): Buffer {
    return bytes(this.tree.onHost(this.real));
  }
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
