import type { ExecRequest } from "../../engine.js";
import { call, type Step } from "./graphql.js";
import { MOUNT } from "./scripts.js";
import type { QueryOptions } from "./session.js";
import { type DaggerSnapshot, ownerOf } from "./snapshot.js";

/** What goes around a command: steps before it, and after it those that take away what only it may have. */
export interface Surroundings {
  before: Step[];
  after: Step[];
  caches: ReadonlyMap<string, string>;
}

/** `source` is the ID of the directory with the scripts. */
export async function surround(
  from: DaggerSnapshot,
  request: ExecRequest,
  source: string,
  asked: QueryOptions,
): Promise<Surroundings> {
  const { workspace, container } = from;
  const before = [workspace.container(container)];
  const after: Step[] = [];
  if (request.user !== from.user) before.push(call("withUser", { name: ownerOf(from.base, request.user) }));
  const caches = new Map(Object.entries(request.caches).map(([name, path]) => [path, name]));
  for (const path of from.caches.keys()) {
    if (!caches.has(path)) before.push(call("withoutMount", { path }));
  }
  for (const [path, name] of caches) {
    if (from.caches.get(path) === name) continue;
    before.push(
      call("withMountedCache", {
        path,
        cache: await cacheId(from, request, name, asked),
        owner: ownerOf(from.base, request.user),
      }),
    );
  }
  for (const [name, value] of Object.entries(request.secrets)) {
    before.push(call("withSecretVariable", { name, secret: await workspace.secret(name, value, asked) }));
    after.push(call("withoutSecretVariable", { name }));
  }
  before.push(call("withMountedDirectory", { path: MOUNT, source }));
  return { before, after, caches };
}

/** Caches are one a name, base and user: what another base or user left in one would not fit. */
async function cacheId(
  { workspace, base }: DaggerSnapshot,
  { user }: ExecRequest,
  name: string,
  asked: QueryOptions,
) {
  const key = `forkbox ${name} ${user} ${base.key}`;
  return (await workspace.session.run<{ id: string }>([call("cacheVolume", { key })], "id", asked)).id;
}
