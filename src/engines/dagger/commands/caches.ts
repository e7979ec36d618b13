import { createHash, randomBytes } from "node:crypto";
import type { ExecRequest, User } from "../../../engine.js";
import { QueryFailure, unsupported } from "../session/errors.js";
import { call, type Step } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import { type DaggerSnapshot, ownerOf } from "../snapshots/snapshot.js";
import { SYSTEM_PATH } from "./scripts.js";

/** Caches are mounted in the root directory, under names of their own. */
const PREFIX = "/.forkbox-cache-";
const OCCUPIED = 3;

/**
 * Puts a link to its mount in a cache's place, or takes it away: link OWNER NEW... -- OLD..., each as PLACE MOUNT.
 * A cache that is mounted in its place can be moved by its sandbox, with the directory around it; the engine then
 * can't clean up, fails the command, and deletes what was in the cache.
 */
const LINK = `${SYSTEM_PATH}
owner=$1
shift
make() {
  if [ -z "$1" ] || [ -d "$1" ]; then return; fi
  make "\${1%/*}" && mkdir "$1" && chown "$owner" "$1"
}
while [ "$1" != -- ]; do
  make "\${1%/*}" || exit 1
  if [ -d "$1" ] && [ ! -L "$1" ]; then rmdir "$1" || exit ${OCCUPIED}; fi
  ln -sfn "$2" "$1" || exit 1
  shift 2
done
shift
while [ $# -gt 0 ]; do
  if [ "$(readlink "$1")" = "$2" ]; then rm "$1" && mkdir "$1" && chown "$owner" "$1" || exit 1; fi
  shift 2
done`;

export function isCacheMount(real: string): boolean {
  return real.startsWith(PREFIX);
}

/** What a request has mounted where: path to volume. Each user has volumes of its own. */
export function cachesOf({ caches, user }: ExecRequest): Map<string, string> {
  return new Map(Object.entries(caches).map(([name, path]) => [path, `${name} ${user}`]));
}

/** Steps from a container with the caches of one snapshot to one with others. */
export async function cacheSteps(
  from: DaggerSnapshot,
  caches: ReadonlyMap<string, string>,
  user: User,
  asked: QueryOptions,
): Promise<Step[]> {
  const fresh = [...caches].filter(([path, volume]) => from.caches.get(path) !== volume);
  const old = [...from.caches.keys()].filter((path) => !caches.has(path));
  if (fresh.length === 0 && old.length === 0) return [];
  const owner = ownerOf(from.base, user);
  return [
    ...old.map((path) => call("withoutMount", { path: mountOf(path) })),
    ...(await mountSteps(from, fresh, asked)),
    linkStep(
      owner,
      fresh.map(([path]) => path),
      old,
    ),
  ];
}

/** Mounts caches beside their places. */
export async function mountSteps(
  { workspace, base }: DaggerSnapshot,
  caches: Iterable<readonly [path: string, volume: string]>,
  asked: QueryOptions,
): Promise<Step[]> {
  const steps: Step[] = [];
  for (const [path, volume] of caches) {
    const owner = ownerOf(base, volume.endsWith(" root") ? "root" : "sandbox");
    const key = `forkbox ${volume} ${base.key}`;
    const { id } = await workspace.session.run<{ id: string }>([call("cacheVolume", { key })], "id", asked);
    steps.push(call("withMountedCache", { path: mountOf(path), cache: id, owner }));
  }
  return steps;
}

/** A failure as what it is when a cache's place was occupied: UNSUPPORTED. */
export function explainCaches(error: unknown): unknown {
  if (!(error instanceof QueryFailure) || error.extensions.exitCode !== OCCUPIED) return error;
  return unsupported("exec", "on Dagger the place of a cache must be empty or missing in the sandbox.");
}

function linkStep(owner: string, fresh: readonly string[], old: readonly string[]): Step {
  const pairs = (paths: readonly string[]) => paths.flatMap((path) => [path, mountOf(path)]);
  const args = [
    "/bin/sh",
    "-c",
    LINK,
    randomBytes(9).toString("base64url"),
    owner,
    ...pairs(fresh),
    "--",
    ...pairs(old),
  ];
  return call("withExec", { args, noInit: true });
}

/** Where the cache of a place is mounted. */
export function mountOf(path: string): string {
  return PREFIX + createHash("sha256").update(path).digest("hex").slice(0, 12);
}
