import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rename, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { spreadOut } from "../../../files/spread-out.js";
import { makeMissing } from "../../../make-missing.js";
import { wallClock } from "../../../timers.js";
import { removeTree } from "../files/remove-tree.js";
import { isOwned, type Owner, own } from "./owner.js";

/** Long enough for the slowest disk. */
const STARTING_MS = 60_000;

/** Where forkbox keeps its state: FORKBOX_STATE_DIR, else $XDG_STATE_HOME/forkbox. */
export function stateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return env.FORKBOX_STATE_DIR || join(env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "forkbox");
}

/** As much of a SHA-256 as no two contents can be made to share. */
const NAME_BYTES = 18;

type Fill = (directory: string, closing: AbortSignal) => Promise<void>;

/**
 * The directory of one engine in one process. What is staged lies under the hash of its content: a path
 * never means two contents, so an engine that asks for it again gets what it got before.
 */
export class HostState {
  readonly directory: string;
  readonly kept: string;
  readonly #root: string;
  readonly #id: string;
  readonly #staged = new Map<string, Promise<string>>();
  readonly #closing = new AbortController();
  #ready: Promise<{ release: () => void }> | undefined;
  #next = 1;

  constructor(root: string) {
    this.#root = root;
    this.kept = join(root, "kept");
    this.#id = `${process.pid}-${randomBytes(4).toString("hex")}`;
    this.directory = join(root, "sessions", this.#id);
  }

  /**
   * The path of what `fill` puts into an empty directory. It must put the same there for the same SHA-256. All who come
   * at once share it, so that it ends early for none of them, but only when all of this is closed.
   */
  stage(hash: string, fill: Fill): Promise<string> {
    // The path stays in every later ID of a sandbox, which the engine reads each time.
    const name = Buffer.from(hash, "hex").subarray(0, NAME_BYTES).toString("base64url");
    const known = this.#staged.get(name);
    if (known) return known;
    const staging = this.#stage(name, fill);
    this.#staged.set(name, staging);
    staging.catch(() => this.#staged.delete(name));
    return staging;
  }

  /** A path for an export; nothing is there yet. */
  async exportPath(): Promise<string> {
    await this.#open();
    return join(this.directory, "exports", String(this.#next++));
  }

  async discard(path: string): Promise<void> {
    this.#staged.delete(basename(path));
    await removeTree(path);
  }

  async #stage(name: string, fill: Fill): Promise<string> {
    await this.#open();
    const path = join(this.directory, "staged", name);
    const building = join(this.directory, "staged", `.${name}-${this.#next++}`);
    try {
      await mkdir(building);
      await fill(building, this.#closing.signal);
      await rename(building, path);
    } catch (error) {
      await removeTree(building);
      throw error;
    }
    return path;
  }

  async #open(): Promise<void> {
    this.#ready ??= this.#make();
    try {
      await this.#ready;
    } catch (error) {
      // A full disk may have room again.
      this.#ready = undefined;
      throw error;
    }
  }

  /** Nobody takes it for a dead one's before it has its name, and by then it is owned. */
  async #make(): Promise<{ release: () => void }> {
    // Staged files have the modes they get in the sandbox: only this keeps other users of the host out.
    makeMissing(this.#root);
    await chmod(this.#root, 0o700);
    await makeSessions(join(this.#root, "sessions"));
    const hidden = join(this.#root, "sessions", `.${this.#id}`);
    for (const name of ["staged", "exports"]) await mkdir(join(hidden, name), { recursive: true });
    await mkdir(this.kept, { recursive: true });
    const owned = await own(hidden);
    try {
      await rename(hidden, this.directory);
    } catch (error) {
      owned.release();
      throw error;
    }
    await reclaim(this.#root);
    return owned;
  }

  /** Removes all but what kept setups still stand on. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#staged.values());
    const owned = await this.#ready?.catch(() => undefined);
    if (!owned) return;
    await removeSession(this.directory, await stagedByKept(this.kept));
    owned.release();
  }
}

async function makeSessions(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true });
  if (made !== undefined) spreadOut(path);
}

/** Removes what processes that are gone have staged; gives how many. */
export async function reclaim(root: string): Promise<number> {
  const used = await stagedByKept(join(root, "kept"));
  let reclaimed = 0;
  for (const { path, owner } of await owners(root)) {
    const isLive = owner ? await isOwned(path, owner) : await isStarting(path);
    // Another user's, or one that another process removes too, is not this one's trouble.
    if (!isLive && (await removeSession(path, used).catch(() => false))) reclaimed++;
  }
  return reclaimed;
}

/** The session directories of all processes, dead ones included. Without an owner: half made, or half removed. */
export async function owners(
  root: string,
): Promise<{ id: string; path: string; owner: Owner | undefined }[]> {
  const names = await readdir(join(root, "sessions")).catch(() => []);
  return Promise.all(
    names.map(async (id) => {
      const path = join(root, "sessions", id);
      const owner = id.startsWith(".") ? undefined : await readJson<Owner>(join(path, "owner.json"));
      return { id, path, owner };
    }),
  );
}

/** Whether somebody may still be making it. */
async function isStarting(path: string): Promise<boolean> {
  const made = basename(path).startsWith(".") ? await stat(path).catch(() => undefined) : undefined;
  return made !== undefined && wallClock() - made.mtimeMs < STARTING_MS;
}

/** Undefined for what is gone, or half written by a process that was killed. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}

/** Removes a session's directory, except what is staged for kept setups. False when such is left. */
export async function removeSession(directory: string, used: ReadonlySet<string>): Promise<boolean> {
  await removeTree(join(directory, "exports"));
  let left = false;
  for (const name of await readdir(join(directory, "staged")).catch(() => [])) {
    const path = join(directory, "staged", name);
    if (used.has(path)) left = true;
    else await removeTree(path);
  }
  if (!left) await removeTree(directory);
  return !left;
}

/** Paths that kept setups still stand on. */
export async function stagedByKept(kept: string): Promise<Set<string>> {
  const used = new Set<string>();
  for (const name of await readdir(kept).catch(() => [])) {
    const record = await readJson<{ staged?: readonly string[] }>(join(kept, name));
    for (const path of record?.staged ?? []) used.add(path);
  }
  return used;
}
