import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type HolderOwner, STAGE } from "./holder.js";

/**
 * Sandboxed users are strangers on the host: what lies under a directory closed to them (root's home, the
 * state) the holder binds at a place of its own, where they may walk to it.
 */
export class Stage {
  #places = new Map<string, string>();
  #ready = new Map<string, Promise<unknown>>();

  constructor(
    private readonly owner: HolderOwner,
    private readonly strangers: boolean,
  ) {}

  /** A path for bwrap that shows a host path. */
  async show(path: string): Promise<string> {
    if (!this.strangers || isOpen(path)) return path;
    const place = this.#places.get(path) ?? `${STAGE}/h/${this.#places.size}`;
    this.#places.set(path, place);
    let ready = this.#ready.get(path);
    if (!ready) {
      ready = this.#bind(path, place);
      this.#ready.set(path, ready);
    }
    try {
      await ready;
    } catch (error) {
      if (this.#ready.get(path) === ready) this.#ready.delete(path);
      throw error;
    }
    return place;
  }

  /** The same places, in a new holder. What is gone from the host since is shown when somebody makes it anew. */
  async again(): Promise<void> {
    this.#ready.clear();
    for (const path of this.#places.keys()) if (existsSync(path)) await this.show(path);
  }

  async #bind(path: string, place: string): Promise<void> {
    const { holder } = this.owner;
    // Either may be there from an attempt that failed.
    await holder.run(...(statSync(path).isDirectory() ? ["mkdir", "-p"] : ["touch"]), place);
    await holder.run("mount", "-n", "-i", "-c", "--rbind", path, place);
  }
}

function isOpen(path: string): boolean {
  for (let at = path; at !== "/"; at = dirname(at))
    if ((statSync(at).mode & 0o001) === 0 && statSync(at).isDirectory()) return false;
  return true;
}
