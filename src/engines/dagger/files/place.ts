import { createHash } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { dirname } from "node:path/posix";
import { call } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { Attributes } from "../snapshots/attributes.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { attributesOf } from "./attributes.js";
import { commit } from "./commit.js";

/**
 * Merges a staged tree, rooted like the snapshot, over a snapshot, and gives what it brings an owner.
 *
 * A merge gives directories that were there, `onto`, the attributes of the tree's, and takes one owner for all;
 * given a path below the root, Dagger even makes all above it anew. So a second merge, of these directories alone
 * and with the attributes they had, puts them back.
 */
export async function placeTree(
  from: DaggerSnapshot,
  staged: string,
  onto: readonly string[],
  owner: string,
  asked: QueryOptions,
): Promise<DaggerSnapshot> {
  const { workspace } = from;
  const attributes = await attributesOf(from, onto, asked);
  const skeleton = [...onto].sort().map((path) => [path, attributes.get(path)] as const);
  const stagedSkeleton = await workspace.state.stage(hashOf(skeleton), (directory) =>
    fill(directory, skeleton),
  );
  const [tree, back] = await Promise.all([
    owned(from, staged, owner === "0:0" ? [] : [[".", owner]], asked),
    owned(from, stagedSkeleton, ownersBelow(skeleton), asked),
  ]);
  const merges = [tree, back].map((source) => call("withDirectory", { path: "/", source }));
  const placed = await commit(from, merges, asked, { staged });
  return placed.with(placed.container, {
    staged: stagedSkeleton,
    known: attributes,
  });
}

/** The ID of a staged directory with owners set, outermost first. */
export function owned(
  { workspace }: DaggerSnapshot,
  staged: string,
  owners: readonly (readonly [path: string, owner: string])[],
  asked: QueryOptions,
): Promise<string> {
  const chowns = owners.map(([path, owner]) => call("chown", { path, owner }));
  return workspace.hostDirectory(staged, asked, chowns);
}

/** A chown goes down: what has its parent's owner needs none. */
function ownersBelow(skeleton: readonly (readonly [string, Attributes | undefined])[]): [string, string][] {
  const inherited = new Map([["/", "0:0"]]);
  const owners: [string, string][] = [];
  for (const [path, attributes] of skeleton) {
    const above = inherited.get(dirname(path)) ?? "0:0";
    const owner = attributes?.owner ?? above;
    inherited.set(path, owner);
    if (owner !== above) owners.push([path.slice(1), owner]);
  }
  return owners;
}

async function fill(
  directory: string,
  skeleton: readonly (readonly [string, Attributes | undefined])[],
): Promise<void> {
  for (const [path] of skeleton) await mkdir(directory + path, { recursive: true });
  // Inside out: one that is closed to its own user closes what is in it.
  for (const [path, attributes] of [...skeleton].reverse())
    await chmod(directory + path, attributes?.mode ?? 0o755);
  await chmod(directory, 0o755);
}

function hashOf(skeleton: readonly (readonly [string, Attributes | undefined])[]): string {
  return createHash("sha256")
    .update(JSON.stringify(["skeleton", skeleton]))
    .digest("hex");
}
