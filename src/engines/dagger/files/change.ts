import type { Change, User } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { asking } from "../session/errors.js";
import { call, type Step } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import { flattened } from "../snapshots/flatten.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { commit } from "./commit.js";
import { Tree } from "./tree.js";
import { placeWrites } from "./write.js";

const OPERATIONS = { write: "writeFile", directory: "makeDirectory", delete: "deleteFile" } as const;

/**
 * Applies changes in order. Each run of writes is one step of the recipe, each deletion too; what they lead to
 * only becomes anybody's when all of them are done.
 */
export async function changeSnapshot(
  from: DaggerSnapshot,
  changes: readonly Change[],
  user: User,
  signal?: AbortSignal,
): Promise<DaggerSnapshot> {
  let snapshot = from;
  for (let start = 0; start < changes.length; ) {
    const { kind } = changes[start] as Change;
    const asked = { operation: OPERATIONS[kind], signal };
    let end = start + 1;
    if (kind === "delete") {
      snapshot = await remove(snapshot, changes[start] as Change & { kind: "delete" }, asked);
    } else {
      while (end < changes.length && changes[end]?.kind !== "delete") end++;
      snapshot = await placeWrites(
        snapshot,
        changes.slice(start, end) as Exclude<Change, { kind: "delete" }>[],
        user,
        asked,
      );
    }
    start = end;
  }
  return flattened(snapshot, { operation: "flatten", signal });
}

async function remove(
  from: DaggerSnapshot,
  { path, recursive }: Change & { kind: "delete" },
  asked: QueryOptions,
): Promise<DaggerSnapshot> {
  const tree = new Tree(from, asked);
  const { real, stat } = await tree.resolve(path, false);
  if (!stat) throw tree.notFound(path);
  if (real === "/") {
    throw new SandboxError(
      "INVALID_ARGUMENT",
      `deleteFile ${path}: the root of a sandbox can't be deleted.`,
      {
        operation: asked.operation,
        path,
      },
    );
  }
  if (stat.type === "directory" && !recursive && (await tree.names(real)).length > 0) {
    throw new SandboxError(
      "NOT_A_FILE",
      `deleteFile ${path}: it is a directory that is not empty; pass { recursive: true } to delete it whole.`,
      { operation: asked.operation, path },
    );
  }
  const left = await asking(asked.operation, path, () => commit(from, [withoutStep(real)], asked));
  return left.with(left.container, { known: left.knownOutside(real) });
}

/** The engine takes a path with * in it for a pattern; then each special character is a class of its own. */
function withoutStep(real: string): Step {
  if (!real.includes("*")) return call("withoutDirectory", { path: real });
  return call("withoutDirectory", {
    path: real.replaceAll(/[*?[\\]/g, (special) => (special === "\\" ? "\\\\" : `[${special}]`)),
  });
}
