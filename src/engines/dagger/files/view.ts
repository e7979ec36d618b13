import { mountOf } from "../commands/caches.js";
import { CHANNEL, MOUNT } from "../commands/scripts.js";
import { asking } from "../session/errors.js";
import { call } from "../session/graphql.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { removeTree } from "./remove-tree.js";
import { Tree } from "./tree.js";

/**
 * A copy of a sandbox directory in a private directory of this host. It holds what the sandbox put there, links
 * to anywhere and setuid files too: nobody but this user gets at it, and only to copy from.
 */
export async function viewSnapshot(
  from: DaggerSnapshot,
  path: string,
  signal?: AbortSignal,
): Promise<{ root: string; dispose: () => Promise<void> }> {
  const asked = { operation: "exportDirectory", signal };
  const tree = new Tree(from, asked);
  const { real, stat } = await tree.resolve(path, true);
  if (!stat) throw tree.notFound(path);
  if (stat.type !== "directory") throw tree.notADirectory(path);
  const { workspace, container } = from;
  const root = await workspace.state.exportPath();
  const dispose = () => removeTree(root);
  try {
    const bare = [MOUNT, CHANNEL, ...[...from.caches.keys()].map(mountOf)].map((mount) =>
      call("withoutMount", { path: mount }),
    );
    const steps = [workspace.container(container), ...bare, call("directory", { path: real })];
    await asking(asked.operation, path, () =>
      workspace.session.run(steps, call("export", { path: root }).text, asked),
    );
    return { root, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
