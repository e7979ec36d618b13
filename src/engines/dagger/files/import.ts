import type { ImportPlan, ImportRecord, User } from "../../../engine.js";
import { asking } from "../session/errors.js";
import type { Attributes } from "../snapshots/attributes.js";
import { flattened } from "../snapshots/flatten.js";
import { type DaggerSnapshot, ownerOf } from "../snapshots/snapshot.js";
import { stageEntries } from "../staging/stage-entries.js";
import { placeTree } from "./place.js";
import { removeGone } from "./remove.js";
import { parentOf, Tree } from "./tree.js";

const operation = "refreshFromHost";

interface DaggerImportRecord extends ImportRecord {
  /** Where the files lie staged: an unchanged one need not be copied again. */
  readonly staged?: string;
  /** What the import led to: nothing has touched it while it is this. */
  readonly container?: string;
}

/** Takes away what the host lost and puts the host's files over what is there, all of them: the host wins. */
export async function importInto(
  from: DaggerSnapshot,
  plan: ImportPlan,
  user: User,
  signal?: AbortSignal,
): Promise<{ snapshot: DaggerSnapshot; record: DaggerImportRecord }> {
  const asked = { operation, signal };
  const previous = plan.previous as DaggerImportRecord | undefined;
  if (previous?.container === from.container && isUnchanged(plan, previous)) {
    await from.workspace.session.requireEngine(operation, signal);
    return { snapshot: from, record: previous };
  }
  const tree = new Tree(from, asked);
  const { real, stat } = await tree.resolve(plan.to, true);
  if (stat && stat.type !== "directory") throw tree.notADirectory(plan.to);
  const onto = await existing(tree, real);
  const staged = await stageEntries(from.workspace.state, plan, real, previous, signal);
  return asking(operation, plan.to, async () => {
    const cleared = stat && plan.remove.length > 0 ? await removeGone(from, real, plan.remove, asked) : from;
    const fresh = cleared.with(cleared.container, { known: knownAbove(cleared, real) });
    const placed = await placeTree(fresh, staged, onto, ownerOf(from.base, user), asked);
    const snapshot = await flattened(placed, asked);
    const stamps = new Map(plan.entries.map(({ path, stamp }) => [path.toString("latin1"), stamp]));
    return { snapshot, record: { stamps, staged, container: snapshot.container } };
  });
}

function isUnchanged({ entries, remove }: ImportPlan, { stamps }: ImportRecord): boolean {
  if (remove.length > 0 || entries.length !== stamps.size) return false;
  return entries.every(({ path, stamp }) => stamps.get(path.toString("latin1")) === stamp);
}

/** Below the target all may be new; the target itself stays as it is. */
function knownAbove(snapshot: DaggerSnapshot, real: string): ReadonlyMap<string, Attributes> {
  const target = snapshot.known.get(real);
  return new Map([...snapshot.knownOutside(real), ...(target ? [[real, target] as const] : [])]);
}

/** The directories on the way to a path that are there, and it itself. */
async function existing(tree: Tree, real: string): Promise<string[]> {
  const onto: string[] = [];
  for (let at = real; at !== "" && at !== "/"; at = parentOf(at)) {
    const stat = await tree.lookup(at);
    if (stat?.type === "directory") onto.push(at);
    else if (stat) throw tree.notADirectory(real, at);
  }
  return onto;
}
