import type { Entry } from "../../../engine.js";
import { asking } from "../session/errors.js";
import { call } from "../session/graphql.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { exactBytes, exportBytes, type FileText, TEXT } from "./bytes.js";
import { isOdd, oddEntries } from "./odd-names.js";
import type { Stat } from "./stat.js";
import { Tree } from "./tree.js";

/** Longer files come by way of an export. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

export async function readFromSnapshot(
  from: DaggerSnapshot,
  path: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const operation = "readFile";
  const asked = { operation, signal };
  const tree = new Tree(from, asked);
  const { real, stat } = await tree.resolve(path, true);
  if (!stat) throw tree.notFound(path);
  if (stat.type !== "file") throw tree.notAFile(path);
  const { workspace, container } = from;
  const file = [workspace.container(container), call("file", { path: real })];
  return asking(operation, path, async () => {
    const text =
      stat.size > MAX_TEXT_BYTES
        ? undefined
        : exactBytes(await workspace.session.run<FileText>(file, TEXT.slice(1, -1), asked));
    return text ?? exportBytes(workspace, file, asked);
  });
}

export async function listSnapshot(
  from: DaggerSnapshot,
  path: string,
  signal?: AbortSignal,
): Promise<Entry[]> {
  const asked = { operation: "listDirectory", signal };
  const tree = new Tree(from, asked);
  const { real, stat } = await tree.resolve(path, false);
  if (!stat) throw tree.notFound(path);
  if (stat.type !== "directory") throw tree.notADirectory(path);
  const names = await tree.names(real);
  const plain = names.filter((name) => !isOdd(name));
  const prefix = real === "/" ? "" : real;
  const stats = await tree.lookupAll(plain.map((name) => `${prefix}/${name}`));
  const entries = plain.map((name, index) => entryOf(name, stats[index] as Stat));
  if (plain.length < names.length) entries.push(...(await oddEntries(from, real, asked)));
  return entries.sort((one, other) => Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)));
}

export async function statInSnapshot(
  from: DaggerSnapshot,
  path: string,
  signal?: AbortSignal,
): Promise<Entry | undefined> {
  const tree = new Tree(from, { operation: "stat", signal });
  const found = await tree.resolve(path, false).catch((error) => {
    if (error.code === "NOT_FOUND" || error.code === "NOT_A_DIRECTORY") return undefined;
    throw error;
  });
  if (!found?.stat) return undefined;
  return entryOf(path === "/" ? "/" : path.slice(path.lastIndexOf("/") + 1), found.stat);
}

function entryOf(name: string, { type, size, mode }: Stat): Entry {
  return { name, type, size, mode };
}
