import { join } from "node:path";
import type { HolderOwner } from "./holder.js";

/**
 * Unmounts and removes what nobody holds any more, together and a little later, so that it costs no
 * operation its time. In the holder, since an ordinary caller can delete some directories only there.
 */
export class Garbage {
  #views: string[] = [];
  #paths: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(private readonly owner: HolderOwner) {}

  /** They ended with the holder that had mounted them. */
  forgetMounts(): void {
    this.#views = [];
  }

  unmount(view: string, directory: string): void {
    this.#views.push(`v/${view}`);
    this.remove(join(directory, "w", view));
    this.remove(join(directory, "v", view));
  }

  remove(path: string): void {
    this.#paths.push(path);
    this.#timer ??= setTimeout(() => void this.flush(), DELAY_MS).unref();
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

  async #collect(views: string[], paths: string[]): Promise<void> {
    if (!this.owner.holder.alive) return;
    // Lazily: a namespace of a command that has just ended may not have let go of its copy yet.
    if (views.length > 0) await this.owner.holder.run("umount", "-n", "-l", ...views).catch(() => {});
    if (paths.length > 0) await this.owner.holder.task("rm", "-rf", "--", ...paths);
  }
}

const DELAY_MS = 30;
