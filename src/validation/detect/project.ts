import { closeSync, constants, fstatSync, lstatSync, opendirSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { SandboxError } from "../../errors.js";
import { isGone } from "../../files/errors.js";
import { Beneath } from "../../programs/beneath.mjs";
import { invalid } from "../config/invalid.js";

/** More are not listed: detection has to end soon whatever a candidate brings. */
const MOST_ENTRIES = 20_000;
const MOST_DEPTH = 8;
/** No manifest needs more; reading as much takes some milliseconds. */
const MOST_BYTES = 1024 * 1024;

/** Not the project's own sources, or made by tools. */
const notOurs =
  /^(\..*|node_modules|bower_components|vendor|third_party|site-packages|__pycache__|__pypackages__|venv|env|virtualenv|target|dist|build|out|testdata)$/;
/** Words of a path are put into commands, names of checks and comments. */
const plainName = /^[A-Za-z0-9_@+=,][A-Za-z0-9._@+=,-]*$/;

/**
 * The files of an unreviewed project, or of a directory in it, for detection: no link is followed on any part of a
 * path, nothing is opened that isn't a regular file, and what is listed and read is bounded.
 */
export class Project {
  /** Its regular files as far as they are listed: not in hidden, vendored and generated directories. */
  readonly files: readonly string[];
  private readonly known: ReadonlySet<string>;

  private constructor(
    private readonly tree: Beneath,
    /** On the host. */
    readonly directory: string,
    private readonly at: string,
    files: readonly string[],
    /** There are more files than were listed. */
    readonly truncated: boolean,
  ) {
    this.files = files;
    this.known = new Set(files);
  }

  /** The caller closes it. */
  static open(directory: string): Project {
    let tree: Beneath;
    try {
      tree = new Beneath(directory);
    } catch (cause) {
      throw invalid(`can't read ${directory}: ${cause instanceof Error ? cause.message : cause}`, {
        path: directory,
        cause,
      });
    }
    const files: string[] = [];
    const complete = list(tree, files);
    return new Project(tree, directory, "", files.sort(), !complete);
  }

  close(): void {
    this.tree.close();
  }

  /** A directory in it, as a project of its own. */
  below(path: string): Project {
    const files = this.files
      .filter((file) => file.startsWith(`${path}/`))
      .map((file) => file.slice(path.length + 1));
    const at = `${this.at}${path}/`;
    return new Project(this.tree, join(this.directory, path), at, files, this.truncated);
  }

  /** Whether there is such a file, also in a hidden directory. Throws for what is no regular file. */
  has(path: string): boolean {
    return this.known.has(path) || this.isRegular(path);
  }

  /** Whether not even its owner may write to a file. */
  isReadOnly(path: string): boolean {
    return this.has(path) && (lstatSync(this.tree.place(latin1(`${this.at}${path}`))).mode & 0o200) === 0;
  }

  /**
   * Its text, or undefined where there is none.
   *
   * @throws SandboxError INVALID_ARGUMENT for what is no regular file, has more than 1 MiB, or can't be read.
   */
  read(path: string): string | undefined {
    const text = this.open(path, MOST_BYTES + 1);
    if (text === undefined || text.length <= MOST_BYTES) return text?.toString("utf8");
    const file = join(this.directory, path);
    throw invalid(`${file} has more than ${MOST_BYTES} bytes; at most as many are read`, { path: file });
  }

  /** The first bytes of a file of any size. */
  head(path: string, most: number): string {
    return this.open(path, most)?.toString("utf8") ?? "";
  }

  /** Names in a directory that may be hidden: at most `most`, and none where it is no directory. */
  names(path: string, most = 30): string[] {
    try {
      const found = [];
      const directory = opendirSync(this.tree.directory(latin1(`${this.at}${path}`)));
      try {
        for (
          let next = directory.readSync();
          next !== null && found.length < most;
          next = directory.readSync()
        )
          if (next.isFile() && plainName.test(next.name)) found.push(next.name);
      } finally {
        directory.closeSync();
      }
      return found.sort();
    } catch {
      return [];
    }
  }

  private isRegular(path: string): boolean {
    if (path.split("/").includes("..")) return false;
    try {
      if (lstatSync(this.tree.place(latin1(`${this.at}${path}`))).isFile()) return true;
    } catch (cause) {
      if (isGone(cause)) return false;
      throw this.unreadable(path, cause);
    }
    const file = join(this.directory, path);
    throw invalid(`${file} must be a regular file, not a link or a device`, { path: file });
  }

  private open(path: string, most: number): Buffer | undefined {
    if (!this.isRegular(path)) return undefined;
    try {
      // What is there may have been swapped since: a pipe must not make this wait.
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      const fd = openSync(this.tree.place(latin1(`${this.at}${path}`)), flags);
      try {
        if (!fstatSync(fd).isFile()) throw new Error("it is no regular file any more");
        return readUpTo(fd, most);
      } finally {
        closeSync(fd);
      }
    } catch (cause) {
      throw this.unreadable(path, cause);
    }
  }

  private unreadable(path: string, cause: unknown): SandboxError {
    if (cause instanceof SandboxError) return cause;
    const file = join(this.directory, path);
    return invalid(`can't read ${file}: ${cause instanceof Error ? cause.message : cause}`, {
      path: file,
      cause,
    });
  }
}

/** Breadth first, so that what is left out of a large project lies deep. Returns whether all was listed. */
function list(tree: Beneath, files: string[]): boolean {
  let left = MOST_ENTRIES;
  let complete = true;
  for (let level = [""], depth = 0; level.length > 0; depth++) {
    if (depth === MOST_DEPTH) return false;
    const next: string[] = [];
    for (const path of level) {
      let directory: ReturnType<typeof opendirSync>;
      try {
        directory = opendirSync(tree.directory(latin1(path)));
      } catch {
        // What can't be read is refused when it is imported, with its reason.
        complete = false;
        continue;
      }
      try {
        for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
          if (left-- <= 0) return false;
          const full = path === "" ? entry.name : `${path}/${entry.name}`;
          if (!plainName.test(entry.name)) continue;
          if (entry.isFile()) files.push(full);
          if (entry.isDirectory() && !notOurs.test(entry.name)) next.push(full);
        }
      } finally {
        directory.closeSync();
      }
    }
    level = next.sort();
  }
  return complete;
}

function readUpTo(fd: number, most: number): Buffer {
  const chunks: Buffer[] = [];
  for (let left = most; left > 0; ) {
    const chunk = Buffer.allocUnsafe(Math.min(left, 64 * 1024));
    const read = readSync(fd, chunk);
    if (read === 0) break;
    chunks.push(chunk.subarray(0, read));
    left -= read;
  }
  return Buffer.concat(chunks);
}

function latin1(path: string): string {
  return Buffer.from(path).toString("latin1");
}
