import { createHash } from "node:crypto";
import { chmod, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path/posix";
import { asking } from "../session/errors.js";
import { call, chain, follow, type Step } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { commit } from "./commit.js";
import type { Placement } from "./placement.js";

/** Puts each file in by itself, which leaves the directories it comes to as they are. */
export async function writeFew(
  from: DaggerSnapshot,
  { directories, files }: Placement,
  owner: string,
  asked: QueryOptions,
): Promise<DaggerSnapshot> {
  const { workspace } = from;
  return asking(asked.operation, [...files.keys()][0], async () => {
    const steps: Step[] = [];
    if (directories.size > 0) steps.push(await withDirectories(from, directories, owner, asked));
    // Each directory is made and given its owner.
    const layers = files.size + 2 * directories.size;
    if (files.size === 0) return commit(from, steps, asked, { layers });
    const data = [...files.values()].map((file) => file.data);
    const staged = await workspace.state.stage(hashOf(data), async (directory) => {
      for (const [index, bytes] of data.entries()) {
        const path = join(directory, String(index));
        await writeFile(path, bytes);
        await chmod(path, 0o644);
      }
    });
    const source = workspace.directory(await workspace.hostDirectory(staged, asked));
    const fields = data
      .map((_, index) => `f${index}:${call("file", { path: String(index) }).text}{id}`)
      .join(" ");
    const ids = await workspace.session.run<Record<string, { id: string }>>([source], fields, asked);
    for (const [index, [path, { mode }]] of [...files].entries()) {
      const id = ids[`f${index}`]?.id as string;
      steps.push(call("withFile", { path, source: id, permissions: mode, owner }));
    }
    return commit(from, steps, asked, { staged, layers });
  });
}

/** A step to the same file system with these directories made. */
async function withDirectories(
  { workspace, container }: DaggerSnapshot,
  directories: ReadonlySet<string>,
  owner: string,
  asked: QueryOptions,
): Promise<Step> {
  const steps = [workspace.container(container), call("rootfs")];
  for (const path of directories) {
    const isLeaf = ![...directories].some((other) => other.startsWith(`${path}/`));
    if (isLeaf) steps.push(call("withNewDirectory", { path, permissions: 0o755 }));
  }
  for (const path of directories) {
    if (!directories.has(dirname(path)) && owner !== "0:0") steps.push(call("chown", { path, owner }));
  }
  const data = await workspace.session.query(`{${chain(steps, "id")}}`, asked);
  return call("withRootfs", { directory: follow<{ id: string }>(data, steps).id });
}

function hashOf(data: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const bytes of data) hash.update(`${bytes.length}\n`).update(bytes);
  return hash.digest("hex");
}
