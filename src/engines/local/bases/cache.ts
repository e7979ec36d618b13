import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { clearInterval, setInterval, wallClock } from "../../../timers.js";
import { markUsed } from "../state/in-use.js";
import { setAside } from "../state/state.js";
import type { BaseContext } from "./context.js";

/** A base's tree, made once and kept in the state. */
export interface CachedBase {
  /** Tells contents apart. */
  digest: string;
  /** Host directory of its root. */
  path: string;
  /** What an image wants in the environment of commands. */
  environment: Readonly<Record<string, string>>;
}

/**
 * The tree of a digest, from the state's `bases`, or made there: under a temporary name that only a whole one
 * loses, so that a killed process leaves nothing that counts, and two at once do not disturb each other.
 */
export async function cachedBase(
  digest: string,
  context: BaseContext,
  make: (draft: string) => Promise<{ environment: Record<string, string> }>,
): Promise<CachedBase> {
  const { bases, directory, ids } = context;
  // Who owns the files depends on the caller.
  const name = `${hashOf(digest)}-${ids.owner("root")?.uid ?? "own"}`;
  const place = join(bases, name);
  await markUsed(place, join(directory, "l", name), context);
  const found = read(place, digest);
  if (found) return found;

  const draft = draftOf(place);
  mkdirSync(draft, { mode: 0o700 });
  // Prune takes a draft that nobody has touched for a minute for a dead one's.
  const alive = setInterval(() => touch(draft), 10_000).unref();
  try {
    const { environment } = await make(draft);
    writeFileSync(join(draft, META), JSON.stringify({ environment }));
    await putAt(place, draft, () => read(place, digest) !== undefined);
  } finally {
    clearInterval(alive);
    await rm(draft, { recursive: true, force: true });
  }
  return read(place, digest) as CachedBase;
}

/** Unless another process was first. What is there and is not whole is of no use to anybody. */
async function putAt(place: string, draft: string, isWhole: () => boolean): Promise<void> {
  try {
    renameSync(draft, place);
  } catch (error) {
    if (isWhole()) return;
    const broken = setAside(place);
    if (!broken) throw error;
    await rm(broken, { recursive: true, force: true });
    renameSync(draft, place);
  }
}

/** A name beside `place` for what is not whole yet, as prune knows them. */
export function draftOf(place: string): string {
  return `${place}.${randomBytes(4).toString("hex")}`;
}

export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

const META = "image.json";

function read(place: string, digest: string): CachedBase | undefined {
  try {
    const { environment } = JSON.parse(readFileSync(join(place, META), "utf8")) as CachedBase;
    touch(place); // prune goes by the last use
    return { digest, path: join(place, "tree"), environment };
  } catch {
    return undefined;
  }
}

function touch(path: string): void {
  utimesSync(path, wallClock() / 1000, wallClock() / 1000);
}
