import { SandboxError } from "../../../errors.js";
import { mountSteps } from "../commands/caches.js";
import { QueryFailure } from "../session/errors.js";
import { call } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { Workspace } from "../staging/workspace.js";
import type { DaggerSnapshot } from "./snapshot.js";

/** An engine refuses to stand a container on some 450 layers, and each makes what comes after it slower. */
const MOST_LAYERS = 96;

/** An engine goes through all steps of a container that it is asked of, though it has their results. */
const MOST_STEPS = 12;

/**
 * The same snapshot, which costs the engine less when it has come a long way: as a file system of its own on the
 * base's container. What can't be had so stays as it is.
 */
export async function flattened(snapshot: DaggerSnapshot, asked: QueryOptions): Promise<DaggerSnapshot> {
  const { workspace, base, caches, layers, steps } = snapshot;
  const { session } = workspace;
  if (layers < MOST_LAYERS && steps < MOST_STEPS) return snapshot;
  try {
    const merges = layers >= MOST_LAYERS && (await mergesWhole(workspace, asked));
    if (!merges && steps < MOST_STEPS) return snapshot;
    const directory = await (merges
      ? mergedRoot(snapshot, asked)
      : rootOf(snapshot, snapshot.container, asked));
    const renewed = [
      workspace.container(base.container),
      call("withRootfs", { directory }),
      ...(await mountSteps(snapshot, caches, asked)),
    ];
    // A merge is made when something looks at it.
    const fields = merges ? `id ${call("stat", { path: "/" }).text}{size}` : "id";
    const { id } = await session.run<{ id: string }>(renewed, fields, asked);
    return snapshot.with(id, { layers: merges ? 1 : layers, steps: 0 });
  } catch (error) {
    if (error instanceof SandboxError || error instanceof QueryFailure) return snapshot;
    throw error;
  }
}

/** The ID of its file system merged over its base's, which the engine does with hard links. */
async function mergedRoot(snapshot: DaggerSnapshot, asked: QueryOptions): Promise<string> {
  const { workspace, container, base } = snapshot;
  const [ground, source] = await Promise.all([
    rootOf(snapshot, base.container, asked),
    rootOf(snapshot, container, asked),
  ]);
  const merge = [workspace.directory(ground), call("withDirectory", { path: "/", source })];
  return (await workspace.session.run<{ id: string }>(merge, "id", asked)).id;
}

async function rootOf(
  { workspace }: DaggerSnapshot,
  container: string,
  asked: QueryOptions,
): Promise<string> {
  const steps = [workspace.container(container), call("rootfs")];
  return (await workspace.session.run<{ id: string }>(steps, "id", asked)).id;
}

/** Whether this engine's merge takes away what the upper one has deleted; one that only adds would bring it back. */
function mergesWhole(workspace: Workspace, asked: QueryOptions): Promise<boolean> {
  return workspace.once("merges whole", asked, async (shared) => {
    const { session } = workspace;
    const lower = [call("directory"), call("withNewFile", { path: "deleted", contents: "" })];
    const without = [...lower, call("withoutFile", { path: "deleted" })];
    const { id: source } = await session.run<{ id: string }>(without, "id", shared);
    const merged = [...lower, call("withDirectory", { path: "/", source })];
    return (await session.run<{ entries: string[] }>(merged, "entries", shared)).entries.length === 0;
  });
}
