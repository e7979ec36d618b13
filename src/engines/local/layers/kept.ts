import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import type { Base, User } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { wallClock } from "../../../timers.js";
import type { Bases } from "../bases/bases.js";
import type { BaseContext } from "../bases/context.js";
import { markUsed, takeUnused } from "../state/in-use.js";
import { rememberSize, takeOverLimit } from "../state/kept-size.js";
import type { State } from "../state/state.js";
import { type Merging, mergeLayers } from "./compact.js";
import type { Layer } from "./layer.js";
import type { LocalSnapshot } from "./snapshots.js";

/** What keeping needs of its session. */
interface Keeping extends Merging {
  readonly bases: Bases;
  readonly baseContext: BaseContext;
  readonly state: State;
}

/** Keeps a snapshot beyond this process: all that lies on its base, merged into one layer of hard links. */
export async function keepSnapshot(session: Keeping, key: string, snapshot: LocalSnapshot): Promise<void> {
  const own = snapshot.layers.filter(({ owned }) => owned);
  const rest = snapshot.layers.filter(({ owned }) => !owned);
  // The live layers and the kept one share files from now on.
  for (const layer of own) layer.frozen = true;
  const merged = await mergeLayers(session, snapshot, own, rest);
  const before = placesOf(session, key);
  const place = join(
    session.state.kept,
    `${hash(key)}-${wallClock().toString(36)}-${randomBytes(4).toString("hex")}`,
  );
  const draft = `${place}.${randomBytes(4).toString("hex")}`;
  const below = rest.filter(({ name }) => !name.startsWith("b")).map(({ name }) => name.slice(1));
  mkdirSync(draft);
  try {
    move(merged.path, join(draft, "layer"));
    writeFileSync(
      join(draft, "meta.json"),
      JSON.stringify({ user: snapshot.user, below, keptAt: new Date(wallClock()).toISOString() }),
    );
    await rememberSize(draft);
    await sync(session, draft);
    renameSync(draft, place);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
  await removePlaces(session, before);
  await remove(session, await takeOverLimit(session.state));
}

/**
 * A command's own fsync asks nothing of the disk (see `overlay` in holder.sh): what is to outlive the machine's next
 * crash is written out here. By the file system as a whole, as the layer may be 100,000 files.
 */
async function sync(session: Keeping, path: string): Promise<void> {
  try {
    await session.holder.task("sync", "-f", "--", path);
  } catch (cause) {
    if (/No space left on device|Disk quota exceeded/.test((cause as Error).message))
      throw Object.assign(cause as Error, { code: "ENOSPC" });
    const message = `keep: the disk that holds forkbox's state did not take the snapshot (${(cause as Error).message}). Nothing was kept; look at the system's log for errors of the disk.`;
    throw new SandboxError("ENGINE_ERROR", message, { operation: "keep", cause });
  }
}

/** An ordinary caller may not move a directory that it may not write to: the root of some images is one. */
function move(from: string, to: string): void {
  const mode = statSync(from).mode & 0o7777;
  chmodSync(from, mode | 0o700);
  renameSync(from, to);
  chmodSync(to, mode);
}

export async function findKept(
  session: Keeping,
  key: string,
  base: Base,
): Promise<LocalSnapshot | undefined> {
  const place = placesOf(session, key).at(-1);
  if (!place) return undefined;
  await keptLayer(session, basename(place));
  let meta: { user: User; below: string[] };
  try {
    meta = JSON.parse(readFileSync(join(place, "meta.json"), "utf8"));
  } catch {
    return undefined;
  }
  const tree = await session.bases.get(base, meta.user, session.baseContext);
  const chain = [...tree.layers];
  for (const name of [basename(place), ...meta.below].reverse()) {
    const layer = await keptLayer(session, name);
    if (!layer) return undefined;
    touch(join(session.state.kept, name));
    chain.unshift(layer);
  }
  return session.snapshots.create([session.snapshots.newLayer(chain[0]), ...chain], tree, meta.user);
}

export async function forgetKept(session: Keeping, key: string): Promise<void> {
  await removePlaces(session, placesOf(session, key));
}

/** Without meta.json nobody finds it any more; it goes when no live session stands on it, at the latest by prune. */
async function removePlaces(session: Keeping, places: readonly string[]): Promise<void> {
  if (places.length === 0) return;
  for (const place of places) rmSync(join(place, "meta.json"), { force: true });
  await remove(session, await takeUnused(places, session.state));
}

async function remove(session: Keeping, gone: readonly string[]): Promise<void> {
  if (gone.length > 0) await session.holder.task("rm", "-rf", "--", ...gone);
}

/** The last use says what goes first where kept setups take too much. */
function touch(place: string): void {
  utimesSync(place, wallClock() / 1000, wallClock() / 1000);
}

async function keptLayer(session: Keeping, name: string): Promise<Layer | undefined> {
  const path = join(session.state.kept, name, "layer");
  const link = join(session.directory, "l", `k${name}`);
  await markUsed(path, link, session.baseContext);
  if (!existsSync(path)) return undefined;
  return { name: `k${name}`, path, level: 0, holds: 1, frozen: true, owned: false };
}

/** Where snapshots are kept under a key, the last of them the valid one. None ever changes: another process may stand on it. */
function placesOf(session: Keeping, key: string): string[] {
  return readdirSync(session.state.kept)
    .filter((name) => name.startsWith(`${hash(key)}-`) && !name.includes("."))
    .sort()
    .map((name) => join(session.state.kept, name));
}

function hash(key: string): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 16);
}
