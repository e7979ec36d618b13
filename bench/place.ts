import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A directory for all that a run makes: snapshots and what their floors work on lie on one file system, that of
 * TMPDIR. Other users may walk to it, as bare bwrap does not run as root.
 */
export class Place implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "forkbox-bench-"));
  #next = 1;

  constructor() {
    chmodSync(this.directory, 0o711);
    process.env.FORKBOX_STATE_DIR = join(this.directory, "state");
  }

  /** A path that nothing is at yet. */
  fresh(): string {
    return join(this.directory, String(this.#next++));
  }

  /** A directory of files of 0.5 to 4 KiB, a hundred in each directory. */
  project(files: number): string {
    const root = this.fresh();
    for (let i = 0; i < files; i++) {
      const directory = join(root, `part-${Math.floor(i / 100)}`);
      if (i % 100 === 0) mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, `file-${i}.txt`), Buffer.alloc(512 * (1 + (i % 8)), `${i}\n`));
    }
    return root;
  }

  /** A copy of a directory without what building it made. */
  copyOf(source: string): string {
    const copy = this.fresh();
    const made = /(^|\/)(node_modules|dist|coverage|reports|forkbox-out)$/;
    cpSync(source, copy, { recursive: true, filter: (path) => !made.test(path) });
    return copy;
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
