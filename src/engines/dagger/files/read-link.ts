import { readlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path/posix";
import { asking } from "../session/errors.js";
import { call } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { printed } from "./printed.js";
import { removeTree } from "./remove-tree.js";

/** A name that the engine's patterns take as it is, and that it can match nothing but itself. */
const PLAIN = /^[\p{L}\p{N}._@+-]+$/u;

/** Where a link leads, which no query of the engine's says. */
export async function readLink(from: DaggerSnapshot, real: string, asked: QueryOptions): Promise<string> {
  if (PLAIN.test(basename(real))) return exportLink(from, real, asked);
  return (await printed(from, 'readlink -n "$1"', [real], asked)).toString();
}

/** Quicker than a command. */
async function exportLink(
  { workspace, container }: DaggerSnapshot,
  real: string,
  asked: QueryOptions,
): Promise<string> {
  const path = await workspace.state.exportPath();
  const steps = [
    workspace.container(container),
    call("directory", { path: dirname(real) }),
    call("filter", { include: [basename(real)] }),
  ];
  try {
    await asking(asked.operation, undefined, () =>
      workspace.session.run(steps, call("export", { path }).text, asked),
    );
    return await readlink(join(path, basename(real)));
  } finally {
    await removeTree(path);
  }
}
