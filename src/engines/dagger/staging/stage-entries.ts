import { createHash } from "node:crypto";
import { chmodSync, linkSync, lutimesSync, mkdirSync, readlinkSync, symlinkSync, utimesSync } from "node:fs";
import type { ImportEntry, ImportPlan, ImportRecord } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import { joinBytes } from "../../../files/bytes.js";
import { DataCopier } from "../../../files/copy-data.js";
import { copyHostFile } from "../../../files/copy-host-file.js";
import { isGone } from "../../../files/errors.js";
import { Slices } from "../../../files/slices.js";
import { Beneath } from "../../../programs/beneath.mjs";
import { nextTurn } from "../../../timers.js";
import { aborted } from "../session/errors.js";
import { untilAborted } from "../session/until-aborted.js";
import type { HostState } from "./state.js";

const operation = "refreshFromHost";
const ENTRIES_PER_SLICE = 64;

/**
 * Copies what an import selected to its place in a tree that Dagger takes whole: its own selection by patterns knows
 * neither bytes nor setuid bits. The same selection, unchanged on the host, is the same directory again.
 */
export async function stageEntries(
  state: HostState,
  plan: ImportPlan,
  to: string,
  previous: (ImportRecord & { readonly staged?: string }) | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([plan.source, to]));
  for (const { path, type, mode, stamp } of plan.entries)
    hash.update(path).update(`\0${type} ${mode} ${stamp}\n`);
  const staging = state.stage(hash.digest("hex"), async (directory, closing) => {
    const root = Buffer.from(directory + to);
    mkdirSync(root, { recursive: true });
    const before = previous?.staged === undefined ? undefined : { ...previous, staged: previous.staged };
    const old = before && Buffer.from(before.staged + to);
    const same = ({ path, stamp }: ImportEntry) => before?.stamps.get(path.toString("latin1")) === stamp;
    const source = new Beneath(plan.source);
    const data = new DataCopier(new Slices(operation, closing));
    const directories: ImportEntry[] = [];
    try {
      for (const [index, entry] of plan.entries.entries()) {
        if (index % ENTRIES_PER_SLICE === ENTRIES_PER_SLICE - 1) await rest(closing);
        const to = joinBytes(root, entry.path);
        if (entry.type === "directory") {
          mkdirSync(to);
          directories.push(entry);
        } else if (!(old && entry.type === "file" && same(entry) && link(joinBytes(old, entry.path), to))) {
          await copy(source, data, to, entry);
        }
      }
    } finally {
      await data.close();
      source.close();
    }
    // Last: one may be closed to its own writer, and what is put into it changes its time.
    for (const { path, mode, mtime } of directories.reverse()) {
      utimesSync(joinBytes(root, path), mtime, mtime);
      chmodSync(joinBytes(root, path), mode);
    }
  });
  return untilAborted(staging, { operation, signal });
}

/** What vanished meanwhile is left out. */
async function copy(source: Beneath, data: DataCopier, to: Buffer, { path, type, mtime }: ImportEntry) {
  const from = () => source.place(path.toString("latin1"));
  try {
    if (type === "symlink") {
      symlinkSync(readlinkSync(from(), { encoding: "buffer" }), to);
      lutimesSync(to, mtime, mtime);
    } else {
      await copyHostFile(data, from, () => to, undefined, path);
    }
  } catch (error) {
    if (type === "symlink" && isGone(error)) return;
    throw hostFailure(error, path.toString());
  }
}

/** What was staged is never changed, so that a link is as good as a copy. */
function link(from: Buffer, to: Buffer): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch {
    return false;
  }
}

async function rest(closing: AbortSignal): Promise<void> {
  await nextTurn();
  if (closing.aborted) throw aborted(operation, closing);
}

function hostFailure(error: unknown, path: string): SandboxError {
  if (error instanceof SandboxError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const known = {
    ENOENT: "NOT_FOUND",
    EACCES: "PERMISSION",
    EPERM: "PERMISSION",
    ENOSPC: "LIMIT",
    EMFILE: "LIMIT",
  } as const;
  const kind = known[code as keyof typeof known] ?? "ENGINE_ERROR";
  const hint = kind === "LIMIT" ? " Free some space, or set FORKBOX_STATE_DIR to a larger disk." : "";
  return new SandboxError(
    kind,
    `${operation}: can't stage ${path}: ${message}.${hint} Nothing was changed.`,
    {
      operation,
      path,
      cause: error,
    },
  );
}
