import { chmod, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { clearTimeout, setTimeout } from "../../../timers.js";
import type { HolderOwner } from "../holder/holder.js";

/**
 * Unmounts and removes what nobody holds any more, together and a little later, so that it costs no
 * operation its time.
 */
export class Garbage {
  #views: string[] = [];
  #paths: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly owner: HolderOwner,
    private readonly directory: string,
  ) {}

  unmount(view: string): void {
    this.#views.push(view);
    this.#later();
  }

  remove(path: string): void {
    this.#paths.push(path);
    this.#later();
  }

  /** Does what is left to do, now. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const views = this.#views.splice(0);
    const paths = this.#paths.splice(0);
    this.#running = this.#running.then(() => this.#collect(views, paths)).catch(() => {});
    return this.#running;
  }

  #later(): void {
    this.#timer ??= setTimeout(() => void this.flush(), DELAY_MS).unref();
  }

  async #collect(views: readonly string[], paths: string[]): Promise<void> {
    for (const view of views) if (!(await this.#unmount(view))) paths.push(join(this.directory, "w", view));
    if (paths.length === 0 || !this.owner.holder.alive) return;
    // In the holder, since an ordinary caller can delete some directories only there.
    await this.owner.holder.task("rm", "-rf", "--", ...paths);
  }

  /**
   * Removing a mount point that is none in the remover's own namespace unmounts it in all others, without a
   * program to be started for it (mount_namespaces(7)). False when the mount left something in its work directory.
   */
  async #unmount(view: string): Promise<boolean> {
    await rmdir(join(this.directory, "v", view)).catch(() => {});
    const place = join(this.directory, "w", view);
    const work = join(place, "work");
    // What says that a volatile mount was there; see overlayfs.rst.
    const mark = join(work, "incompat", "volatile", "dirty");
    await chmod(work, 0o700).catch(() => {});
    await unlink(mark).catch(() => {});
    for (let path = dirname(mark); path !== dirname(place); path = dirname(path)) {
      const left = await rmdir(path).then(
        () => false,
        ({ code }: NodeJS.ErrnoException) => code !== "ENOENT",
      );
      if (left) return false;
    }
    return true;
  }
}

const DELAY_MS = 30;
