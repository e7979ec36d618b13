import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { nextTurn } from "../../../timers.js";
import { asking } from "../session/errors.js";
import { call } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { Attributes } from "../snapshots/attributes.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { attributesOf } from "./attributes.js";
import { commit } from "./commit.js";
import { owned, placeTree } from "./place.js";
import type { Placement } from "./placement.js";

const FILES_PER_SLICE = 64;

/** Puts all files in as one staged tree, in one step however many they are. */
export async function writeMany(
  from: DaggerSnapshot,
  placement: Placement,
  owner: string,
  asked: QueryOptions,
): Promise<DaggerSnapshot> {
  return asking(asked.operation, undefined, async () => {
    const onto = [...placement.onto].sort();
    const attributes = await attributesOf(from, onto, asked);
    const modes = new Map(onto.map((path) => [path, attributes.get(path)?.mode ?? 0o755]));
    const staged = await from.workspace.state.stage(hashOf(placement, modes), (directory) =>
      fill(directory, placement, modes),
    );
    const top = topOf(placement, onto, attributes, owner);
    if (top === undefined) return placeTree(from, staged, onto, owner, asked);
    const source = await owned(from, staged, owner === "0:0" ? [] : [[top.slice(1), owner]], asked);
    const placed = await commit(from, [call("withDirectory", { path: "/", source })], asked, { staged });
    return placed.with(placed.container, { known: attributes });
  });
}

/** The directory that has this owner with all that is placed in it, when no other but root has a part in it. */
function topOf(
  { directories, files }: Placement,
  onto: readonly string[],
  attributes: ReadonlyMap<string, Attributes>,
  owner: string,
): string | undefined {
  const top = onto.find((path) => attributes.get(path)?.owner === owner);
  const isInside = (path: string) => path === top || path.startsWith(`${top}/`);
  const fits = onto.every((path) => attributes.get(path)?.owner === (isInside(path) ? owner : "0:0"));
  return fits && [...directories, ...files.keys()].every(isInside) ? top : undefined;
}

/** Small files take many times as long through the thread pool. */
async function fill(
  directory: string,
  { directories, files }: Placement,
  modes: ReadonlyMap<string, number>,
): Promise<void> {
  for (const path of [...modes.keys(), ...directories]) mkdirSync(directory + path, { recursive: true });
  let index = 0;
  for (const [path, { data, mode }] of files) {
    if (++index % FILES_PER_SLICE === 0) await nextTurn();
    writeFileSync(directory + path, data);
    chmodSync(directory + path, mode);
  }
  // Inside out: one that is closed to its own user closes what is in it.
  for (const path of [...directories].reverse()) chmodSync(directory + path, 0o755);
  for (const [path, mode] of [...modes].reverse()) chmodSync(directory + path, mode);
  chmodSync(directory, 0o755);
}

function hashOf({ directories, files }: Placement, modes: ReadonlyMap<string, number>): string {
  const hash = createHash("sha256").update(JSON.stringify(["write", [...modes], [...directories]]));
  for (const [path, { data, mode }] of files) {
    hash.update(`\n${JSON.stringify([path, mode, data.length])}\n`).update(data);
  }
  return hash.digest("hex");
}
