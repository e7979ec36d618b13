import { mkdirSync } from "node:fs";
import type { Base, Change, OpenOptions } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { homeOf } from "../commands/walls.js";
import { type Owner, SANDBOX_ID } from "../holder/ids.js";
import { applyChange } from "../layers/change.js";
import { setAttributes } from "../layers/descriptors.js";
import { readFromTree } from "../layers/files.js";
import type { LocalSnapshot } from "../layers/snapshots.js";
import type { Tree } from "../layers/tree.js";
import type { Trees } from "../layers/trees.js";
import type { Bases } from "./bases.js";
import type { BaseContext } from "./context.js";
import { HOSTS, NAMESERVER } from "./host-skeleton.js";

/** What opening a base needs of the session. */
interface Opening extends Trees {
  readonly bases: Bases;
  readonly baseContext: BaseContext;
}

/** A snapshot of a base with the directories and files every command may count on. */
export async function openBase(
  session: Opening,
  base: Base,
  { workdir, user }: OpenOptions,
): Promise<LocalSnapshot> {
  const { snapshots } = session;
  const made = await session.bases.get(base, user, session.baseContext);
  const snapshot = snapshots.create([snapshots.newLayer(made.layers[0]), ...made.layers], made, user);
  try {
    await session.withTree(snapshot, async (tree) => {
      if (!("host" in base)) {
        const owner = session.ids.owner("root");
        makeMountPoints(tree, owner);
        for (const change of await imageChanges(tree)) await applyChange(tree, change, owner);
      }
      for (const path of [homeOf(user), workdir]) {
        await applyChange(tree, { kind: "directory", path }, session.ids.owner(user));
      }
    });
    return snapshot;
  } catch (error) {
    snapshots.release(snapshot);
    throw error;
  }
}

const MOUNT_POINTS = { "/proc": 0o555, "/dev": 0o755, "/tmp": 0o1777 };

/** Images from scratch have none. What is no directory bwrap would follow, or fail on. */
function makeMountPoints(tree: Tree, owner: Owner): void {
  for (const [path, mode] of Object.entries(MOUNT_POINTS)) {
    const stat = tree.lstat(path);
    if (!stat) {
      mkdirSync(tree.place(path));
      setAttributes(tree.place(path), mode, owner);
    } else if (path !== "/tmp" && !stat.isDirectory())
      throw new SandboxError("INVALID_ARGUMENT", `create: the base's ${path} is not a directory.`, {
        operation: "create",
        path,
      });
  }
}

/** What an image's tree lacks for running here: a user of our id, name service. */
async function imageChanges(tree: Tree): Promise<Change[]> {
  const data = (content: string) => Buffer.from(content);
  const changes: Change[] = [
    { kind: "write", path: "/etc/resolv.conf", data: data(`nameserver ${NAMESERVER}\n`) },
    { kind: "write", path: "/etc/hosts", data: data(HOSTS + otherHosts(await textOf(tree, "/etc/hosts"))) },
  ];
  const passwd = await textOf(tree, "/etc/passwd");
  if (!new RegExp(`^[^:]*:[^:]*:${SANDBOX_ID}:`, "m").test(passwd)) {
    const group = await textOf(tree, "/etc/group");
    changes.push({
      kind: "write",
      path: "/etc/passwd",
      data: data(`${passwd}sandbox:x:${SANDBOX_ID}:${SANDBOX_ID}:sandbox:/home/sandbox:/bin/sh\n`),
    });
    if (!new RegExp(`^[^:]*:[^:]*:${SANDBOX_ID}:`, "m").test(group))
      changes.push({ kind: "write", path: "/etc/group", data: data(`${group}sandbox:x:${SANDBOX_ID}:\n`) });
  }
  return changes;
}

/** Lines of a hosts file that don't say what localhost is. */
function otherHosts(text: string): string {
  return text
    .split("\n")
    .filter((line) => /^[^#]*\S\s+\S/.test(line) && !/^\s*(127\.|::1\s)|\slocalhost\b/.test(line))
    .map((line) => `${line}\n`)
    .join("");
}

async function textOf(tree: Tree, path: string): Promise<string> {
  const found = tree.resolve(path, "create", true);
  return found.stat?.isFile() ? Buffer.from(await readFromTree(tree, path)).toString() : "";
}
