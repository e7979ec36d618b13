import type { ExecRequest } from "../../../engine.js";
import { call, type Step } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { cacheSteps, cachesOf } from "./caches.js";
import { MOUNT } from "./scripts.js";

/** What goes around a command: steps before it, and after it those that take away what only it may have. */
export interface Surroundings {
  before: Step[];
  after: Step[];
  caches: ReadonlyMap<string, string>;
}

/** `staged` is where the scripts are on the host. They are mounted, unless the snapshot has them ready. */
export async function surround(
  from: DaggerSnapshot,
  request: ExecRequest,
  staged: string,
  asked: QueryOptions,
): Promise<Surroundings> {
  const { workspace, container } = from;
  const caches = cachesOf(request);
  const before = [workspace.container(container), ...(await cacheSteps(from, caches, request.user, asked))];
  const after: Step[] = [];
  for (const [name, value] of Object.entries(request.secrets)) {
    before.push(call("withSecretVariable", { name, secret: await workspace.secret(name, value, asked) }));
    after.push(call("withoutSecretVariable", { name }));
  }
  if (from.ready !== staged) {
    const source = await workspace.hostDirectory(staged, asked);
    before.push(call("withMountedDirectory", { path: MOUNT, source }));
  }
  return { before, after, caches };
}

/** Whether the next command may find what this one left: what it printed may hold a secret, and root may change all of it. */
export function leavesReady({ secrets, user, stdin }: ExecRequest): boolean {
  return Object.keys(secrets).length === 0 && user !== "root" && stdin === undefined;
}
