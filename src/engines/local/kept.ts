import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Base, User } from "../../engine.js";
import { mergeLayers } from "./compact.js";
import type { Session } from "./session.js";
import type { Layer, LocalSnapshot } from "./snapshots.js";

/** Keeps a snapshot beyond this process: all that lies on its base, merged into one layer of hard links. */
export async function keepSnapshot(session: Session, key: string, snapshot: LocalSnapshot): Promise<void> {
  const own = snapshot.layers.filter(({ owned }) => owned);
  const rest = snapshot.layers.filter(({ owned }) => !owned);
  // The live layers and the kept one share files from now on.
  for (const layer of own) layer.frozen = true;
  const merged = await mergeLayers(session, snapshot, own, rest);
  const place = placeOf(session, key);
  const draft = `${place}.${randomBytes(4).toString("hex")}`;
  const below = rest.filter(({ name }) => !name.startsWith("b")).map(({ name }) => name.slice(1));
  mkdirSync(draft);
  try {
    renameSync(merged.path, join(draft, "layer"));
    writeFileSync(
      join(draft, "meta.json"),
      JSON.stringify({ user: snapshot.user, below, keptAt: new Date().toISOString() }),
    );
    await forgetKept(session, key);
    renameSync(draft, place);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
}

export async function findKept(
  session: Session,
  key: string,
  base: Base,
): Promise<LocalSnapshot | undefined> {
  const place = placeOf(session, key);
  // First the link that says it is in use, then the look whether it is there: prune looks the other way round.
  keptLayer(session, hash(key));
  let meta: { user: User; below: string[] };
  try {
    meta = JSON.parse(readFileSync(join(place, "meta.json"), "utf8"));
    utimesSync(place, new Date(), new Date());
  } catch {
    return undefined;
  }
  const tree = await session.bases.get(base, meta.user, session.baseContext);
  const layers = [hash(key), ...meta.below].map((name) => keptLayer(session, name));
  if (layers.some((layer) => layer === undefined)) return undefined;
  const chain = [...(layers as Layer[]), ...tree.layers];
  return session.snapshots.create([session.snapshots.newLayer(chain[0]), ...chain], tree, meta.user);
}

export async function forgetKept(session: Session, key: string): Promise<void> {
  const place = placeOf(session, key);
  if (!existsSync(place)) return;
  const gone = `${place}.gone-${randomBytes(4).toString("hex")}`;
  renameSync(place, gone);
  await session.holder.task("rm", "-rf", "--", gone);
}

function keptLayer(session: Session, name: string): Layer | undefined {
  const path = join(session.state.kept, name, "layer");
  const link = join(session.directory, "l", `k${name}`);
  if (!lstatSync(link, { throwIfNoEntry: false })) symlinkSync(path, link);
  if (!existsSync(path)) return undefined;
  return { name: `k${name}`, path, level: 0, holds: 1, frozen: true, owned: false };
}

function placeOf(session: Session, key: string): string {
  return join(session.state.kept, hash(key));
}

function hash(key: string): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 16);
}
