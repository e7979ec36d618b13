import { lstatSync } from "node:fs";
import type { ImportEntry, ImportRecord } from "../engine.js";
import { SandboxError } from "../errors.js";
import { refuseTooMuch } from "../files/amount.js";
import { isGone } from "../files/errors.js";
import { Slices } from "../files/slices.js";
import { withDeadline } from "../host/deadline.js";
import { type ExportTreeOptions, exportTree } from "../host/export.js";
import { type SelectOptions, selectTree } from "../host/selection/select.js";
import type { ExportOptions, ExportResult, RefreshResult } from "../options.js";
import { Beneath } from "../programs/beneath.mjs";
import { leakScanner } from "../redaction/leaks.js";
import { refuseCaches } from "./cache-paths.js";
import type { Context, State, Step } from "./state.js";

const MEBIBYTE = 1024 * 1024;

/** Brings what is selected of a host directory; takes away what an earlier import brought and the host lost. */
export function importFromHost(
  context: Context,
  hostPath: string,
  to: string,
  options: SelectOptions,
): Promise<Step<RefreshResult>> {
  return withDeadline("refreshFromHost", options.timeoutMs, context.signal, (signal) =>
    importUntil({ ...context, signal }, hostPath, to, options),
  );
}

async function importUntil(
  context: Context,
  hostPath: string,
  to: string,
  options: SelectOptions,
): Promise<Step<RefreshResult>> {
  const { engine, settings, state, signal } = context;
  await refuseCaches(context, to, "refreshFromHost");
  const { source, entries, skipped } = await selectTree(hostPath, { ...options, signal });
  const key = `${source}\0${to}`;
  const previous = state.imports.get(key);
  const slices = new Slices("refreshFromHost", signal);
  await refuseAmount(entries, previous, options.maxBytes, settings.limits.diskMiB, slices);
  const { gone, left } = await sortUnselected(previous, entries, source, slices);
  const plan = { source, to, entries, remove: gone, ...(previous && { previous }) };
  const { snapshot, record } = await engine.importTree(state.snapshot, plan, settings.user, signal);
  const imports = new Map(state.imports).set(key, withStamps(record, left));
  const value = { ...(await countBrought(entries, record)), removed: gone.length, skipped };
  return { value, next: { ...state, snapshot, imports } };
}

/** Before anything is copied. What is as the last import left it takes nothing more of the disk. */
async function refuseAmount(
  entries: readonly ImportEntry[],
  previous: ImportRecord | undefined,
  maxBytes: number | undefined,
  diskMiB: number | undefined,
  slices: Slices,
): Promise<void> {
  const operation = "refreshFromHost";
  const files = entries.filter(({ type }) => type === "file");
  const advice = "Leave files out with exclude";
  if (maxBytes !== undefined)
    refuseTooMuch(files, maxBytes, operation, "maxBytes", `${advice}, or raise maxBytes.`);
  if (diskMiB === undefined) return;
  const fresh: ImportEntry[] = [];
  for (const entry of files) {
    if (slices.due()) await slices.rest();
    if (previous?.stamps.get(entry.path.toString("latin1")) !== entry.stamp) fresh.push(entry);
  }
  const limit = "the sandbox's limit diskMiB";
  refuseTooMuch(fresh, diskMiB * MEBIBYTE, operation, limit, `${advice}, or raise limits.diskMiB.`);
}

/** What an earlier import brought and this one does not: gone from the host, or only left out this time. */
async function sortUnselected(
  previous: ImportRecord | undefined,
  entries: readonly ImportEntry[],
  source: string,
  slices: Slices,
): Promise<{ gone: Buffer[]; left: Map<string, string> }> {
  const left = new Map<string, string>();
  if (!previous) return { gone: [], left };
  const selected = new Set<string>();
  for (const { path } of entries) {
    if (slices.due()) await slices.rest();
    selected.add(path.toString("latin1"));
  }
  const gone: Buffer[] = [];
  const host = new Beneath(source);
  try {
    for (const [path, stamp] of previous.stamps) {
      if (slices.due()) await slices.rest();
      if (selected.has(path)) continue;
      if (isThere(host, path)) left.set(path, stamp);
      else gone.push(Buffer.from(path, "latin1"));
    }
  } finally {
    host.close();
  }
  // Backwards: a record has directories before what is in them.
  return { gone: gone.reverse(), left };
}

/** Whether a path is in the tree itself: not behind a link that took a directory's place. */
function isThere(host: Beneath, path: string): boolean {
  try {
    return lstatSync(host.place(path), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return !isGone(error);
  }
}

/** Directories stay before what is in them: those of what was selected were selected too. */
function withStamps(record: ImportRecord, left: ReadonlyMap<string, string>): ImportRecord {
  return left.size === 0 ? record : { ...record, stamps: new Map([...record.stamps, ...left]) };
}

/** Without what had vanished when its turn came. */
async function countBrought(entries: readonly ImportEntry[], record: ImportRecord) {
  const slices = new Slices("refreshFromHost"); // No abort any more: the snapshot has been replaced.
  const brought = { files: 0, bytes: 0 };
  for (const { path, type, size } of entries) {
    if (slices.due()) await slices.rest();
    if (type === "directory" || !record.stamps.has(path.toString("latin1"))) continue;
    brought.files += 1;
    if (type === "file") brought.bytes += size;
  }
  return brought;
}

export function exportToHost(
  context: Context,
  from: string,
  hostPath: string,
  options: ExportOptions,
): Promise<Step<ExportResult>> {
  return withDeadline("exportDirectory", options.timeoutMs, context.signal, (signal) =>
    exportUntil({ ...context, signal }, from, hostPath, options),
  );
}

async function exportUntil(
  context: Context,
  from: string,
  hostPath: string,
  options: ExportOptions,
): Promise<Step<ExportResult>> {
  const { signal } = context;
  await refuseCaches(context, from, "exportDirectory");
  const value = await exporting(context, from, (root, scanner) =>
    exportTree(root, hostPath, { ...options, signal, ...scanner }),
  );
  return { value };
}

/** Shows a directory of the sandbox to what copies from it, and says by name which secrets that found. */
export async function exporting<T>(
  { engine, state, signal }: Context,
  directory: string,
  act: (root: string, scanner: Pick<ExportTreeOptions, "leakScanner">) => Promise<T>,
): Promise<T> {
  const leaked = new Set<string>();
  const scanner = leakScanner(state.redactor.values, (value) => leaked.add(value));
  const { root, dispose } = await engine.view(state.snapshot, directory, signal);
  try {
    return await act(root, scanner ? { leakScanner: scanner } : {});
  } catch (error) {
    throw error instanceof SandboxError && error.code === "SECRET_LEAK"
      ? nameSecrets(error, state, leaked)
      : error;
  } finally {
    await dispose();
  }
}

/** Says which secrets it was, where their names are still known. */
function nameSecrets(error: SandboxError, { variables }: State, leaked: ReadonlySet<string>): SandboxError {
  const names = [...variables].filter(([, { value }]) => leaked.has(value)).map(([name]) => name);
  if (names.length === 0) return error;
  const { code, message, operation, path } = error;
  return new SandboxError(code, `${message} Secrets found: ${names.join(", ")}.`, { operation, path });
}
