import { chmod, readdir, rm } from "node:fs/promises";
import { asking } from "./errors.js";
import { call } from "./graphql.js";
import { CHANNEL, MOUNT } from "./scripts.js";
import type { DaggerSnapshot } from "./snapshot.js";
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
    const bare = [MOUNT, CHANNEL, ...from.caches.keys()].map((mount) =>
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

/** Directories may be closed to their own user. */
async function removeTree(root: string): Promise<void> {
  try {
    await rm(root, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    await open(Buffer.from(root));
    await rm(root, { recursive: true, force: true });
  }
}

async function open(directory: Buffer): Promise<void> {
  await chmod(directory, 0o700);
  for (const entry of await readdir(directory, { withFileTypes: true, encoding: "buffer" })) {
    if (entry.isDirectory()) await open(Buffer.concat([directory, Buffer.from("/"), entry.name]));
  }
}
