import type { ImportEntry, ImportPlan, ImportRecord, User } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { refuseTooLittleRoom } from "../../../files/amount.js";
import { hostError, systemCode } from "../../../files/errors.js";
import { Slices } from "../../../files/slices.js";
import { notADirectory } from "../../path-errors.js";
import { asSandboxError, refuseOutside } from "./files.js";
import { freshEntries } from "./fresh-entries.js";
import type { LocalImportRecord } from "./import-record.js";
import type { LargeFiles } from "./large-files.js";
import { LayerWriter } from "./layer-writer.js";
import { removeGone } from "./remove-gone.js";
import type { LocalSnapshot } from "./snapshots.js";
import { fromLatin1, latin1, type Tree } from "./tree.js";
import type { Trees } from "./trees.js";

const operation = "refreshFromHost";

/** What importing needs of its session. */
interface Importing extends Trees {
  readonly largeFiles: LargeFiles;
}

/** Writes host files into a layer of their own, without an overlay in between, and removes what the host no longer has. */
export async function importInto(
  session: Importing,
  from: LocalSnapshot,
  plan: ImportPlan,
  user: User,
  signal: AbortSignal | undefined,
): Promise<{ snapshot: LocalSnapshot; record: ImportRecord }> {
  try {
    return await session.withTree(from, (tree) =>
      importOnto(session, tree, from, plan, user, new Slices(operation, signal)),
    );
  } catch (error) {
    const code = systemCode(error);
    if (code !== "EMFILE" && code !== "ENFILE") throw error;
    throw hostError(error, operation, "Can't import to", plan.to);
  }
}

async function importOnto(
  session: Importing,
  tree: Tree,
  from: LocalSnapshot,
  plan: ImportPlan,
  user: User,
  slices: Slices,
): Promise<{ snapshot: LocalSnapshot; record: ImportRecord }> {
  const target = tree.resolve(plan.to, operation, true);
  refuseOutside(target, plan.to, operation);
  if (target.stat && !target.stat.isDirectory()) throw notADirectory(plan.to, plan.to, operation);
  if (tree.isReadOnly(target.real)) {
    throw new SandboxError(
      "PERMISSION",
      `${operation} into ${plan.to}: this part of the base is the host's and read-only.`,
      { operation, path: plan.to },
    );
  }
  await refuseWalls(tree, target.real, plan, slices);
  const previous = plan.previous as LocalImportRecord | undefined;
  const unchanged = previous?.state === stateOf(from);
  const fresh = await freshEntries(tree, from, target.real, plan, previous, unchanged, slices);
  if (fresh.length === 0 && plan.remove.length === 0 && target.stat) {
    const stamps = await stampsOf(plan.entries, new Set(), new Set());
    return { snapshot: from, record: { ...(previous as LocalImportRecord), stamps } as ImportRecord };
  }

  const layer = session.snapshots.newLayer(from.top);
  const snapshot = session.snapshots.create([layer, ...from.layers], from.base, from.user);
  let stamps: ReadonlyMap<string, string>;
  let writer: LayerWriter | undefined;
  try {
    writer = new LayerWriter(tree, layer, session.ids.owner(user), session.largeFiles);
    refuseTooLittleRoom(
      fresh.filter(({ type }) => type === "file"),
      layer.path,
      operation,
      "Leave files out with exclude, free some space, or set FORKBOX_STATE_DIR to a larger disk.",
    );
    const brought = await fill(session, writer, snapshot, target.real, plan, fresh, slices);
    stamps = await stampsOf(plan.entries, new Set(fresh), brought);
    layer.frozen = true;
  } catch (error) {
    session.snapshots.release(snapshot);
    throw reasonOf(error, plan.to);
  } finally {
    writer?.close();
  }
  session.snapshots.release(from);
  session.compact(snapshot);
  const layers = fresh.length === plan.entries.length ? [layer] : [layer, ...(previous?.layers ?? [])];
  return { snapshot, record: { stamps, state: stateOf(snapshot), layers } as LocalImportRecord };
}

/** Writes the layer of a snapshot, and takes away what is gone. Gives the entries that were there to be brought. */
async function fill(
  session: Trees,
  writer: LayerWriter,
  snapshot: LocalSnapshot,
  to: string,
  plan: ImportPlan,
  fresh: readonly ImportEntry[],
  slices: Slices,
): Promise<Set<ImportEntry>> {
  writer.ensure(to);
  const brought = await writer.write(plan.source, to, fresh, slices);
  if (plan.remove.length === 0) {
    await writer.finish();
    return brought;
  }
  await session.withTree(snapshot, async (merged) => {
    await removeGone(merged, to, plan.remove, slices);
    // A layer is changed through its view once it has one.
    await writer.finish((real) => merged.place(`${real}/.`));
  });
  return brought;
}

/** Files in the parts of the base that are the host's, in /proc or in /dev would be written where nothing shows them. */
async function refuseWalls(tree: Tree, to: string, { entries }: ImportPlan, slices: Slices): Promise<void> {
  const prefix = to === "/" ? "/" : `${to}/`;
  const walls = [...tree.binds.map(({ at }) => latin1(at)), ...tree.outside];
  if (!walls.some((wall) => wall.startsWith(prefix))) return;
  for (const { path, type } of entries) {
    if (slices.due()) await slices.rest();
    const real = prefix + path.toString("latin1");
    if (!tree.isReadOnly(real) && !tree.isOutside(real)) continue;
    if (type === "directory" && tree.lstat(real)?.isDirectory()) continue;
    throw new SandboxError(
      "PERMISSION",
      `${operation} into ${fromLatin1(to)}: ${fromLatin1(real)} is in a part of the base that is the host's and read-only. Leave it out with exclude.`,
      { operation, path: fromLatin1(real) },
    );
  }
}

/** Without what was to be brought and had vanished. */
async function stampsOf(
  entries: readonly ImportEntry[],
  fresh: ReadonlySet<ImportEntry>,
  brought: ReadonlySet<ImportEntry>,
): Promise<ReadonlyMap<string, string>> {
  const slices = new Slices(operation);
  const stamps = new Map<string, string>();
  for (const entry of entries) {
    if (slices.due()) await slices.rest();
    if (!fresh.has(entry) || brought.has(entry)) stamps.set(entry.path.toString("latin1"), entry.stamp);
  }
  return stamps;
}

function reasonOf(error: unknown, to: string): unknown {
  const code = systemCode(error);
  return code === "EMFILE" || code === "ENFILE" ? error : asSandboxError(error, operation, to);
}

function stateOf(snapshot: LocalSnapshot): string {
  return `${snapshot.id}.${snapshot.generation}`;
}
