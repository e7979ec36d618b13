import { SandboxError } from "../../errors.js";
import { QueryFailure } from "./errors.js";
import { call } from "./graphql.js";
import type { QueryOptions } from "./session.js";
import type { DaggerSnapshot } from "./snapshot.js";
import type { Workspace } from "./workspace.js";

/** An engine refuses to stand a container on some 450 layers, and each makes what comes after it slower. */
const MOST_LAYERS = 96;

/**
 * The same file system on few layers when it has come to stand on many: merged over its base, which the engine
 * does with hard links. What can't be flattened stays as it is.
 */
export async function flattened(snapshot: DaggerSnapshot, asked: QueryOptions): Promise<DaggerSnapshot> {
  if (snapshot.layers < MOST_LAYERS) return snapshot;
  const { workspace, container, base } = snapshot;
  const { session } = workspace;
  try {
    if (!(await mergesWhole(workspace, asked))) return snapshot;
    const rootOf = async (id: string) =>
      (await session.run<{ id: string }>([workspace.container(id), call("rootfs")], "id", asked)).id;
    const [ground, top] = await Promise.all([rootOf(base.container), rootOf(container)]);
    const merge = [workspace.directory(ground), call("withDirectory", { path: "/", source: top })];
    const { id: directory } = await session.run<{ id: string }>(merge, "id", asked);
    const steps = [workspace.container(container), call("withRootfs", { directory })];
    // A merge is made when something looks at it.
    const fields = `id ${call("stat", { path: "/" }).text}{size}`;
    const { id } = await session.run<{ id: string }>(steps, fields, asked);
    return snapshot.with(id, { layers: 1 });
  } catch (error) {
    if (error instanceof SandboxError || error instanceof QueryFailure) return snapshot;
    throw error;
  }
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
