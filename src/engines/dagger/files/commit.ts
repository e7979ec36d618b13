import type { Step } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";

/** The snapshot after these steps, worked out now: a failure must show where it happens. */
export async function commit(
  from: DaggerSnapshot,
  steps: readonly Step[],
  asked: QueryOptions,
  { staged, layers = steps.length }: { staged?: string; layers?: number } = {},
): Promise<DaggerSnapshot> {
  const { workspace, container } = from;
  const all = [workspace.container(container), ...steps];
  const { sync } = await workspace.session.run<{ sync: string }>(all, "sync", asked);
  const { ready } = from;
  return from.with(sync, { layers: from.layers + layers, ready, ...(staged !== undefined && { staged }) });
}
