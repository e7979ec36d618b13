import type { Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import { refuseCaches } from "./cache-paths.js";
import type { ImportEntry, ImportRecord } from "./engine.js";
import { SandboxError } from "./errors.js";
import { exportTree } from "./host/export.js";
import { selectTree } from "./host/select.js";
import type { ExportOptions, ExportResult, RefreshOptions, RefreshResult } from "./options.js";
import { leakScanner } from "./redaction/leaks.js";
import type { Context, State, Step } from "./state.js";

/** Brings what is selected of a host directory; takes away what an earlier import brought and the host lost. */
export async function importFromHost(
  context: Context,
  hostPath: string,
  to: string,
  options: RefreshOptions,
): Promise<Step<RefreshResult>> {
  const { engine, settings, state, signal } = context;
  await refuseCaches(context, to, "refreshFromHost");
  const { source, entries, bytes, skipped } = await selectTree(hostPath, { ...options, signal });
  const key = `${source}\0${to}`;
  const previous = state.imports.get(key);
  const { gone, left } = await sortUnselected(previous, entries, source);
  const plan = { source, to, entries, remove: gone, ...(previous && { previous }) };
  const { snapshot, record } = await engine.importTree(state.snapshot, plan, settings.user, signal);
  const imports = new Map(state.imports).set(key, withStamps(record, left));
  const files = entries.filter(({ type }) => type !== "directory").length;
  const value = { files, bytes, removed: gone.length, skipped };
  return { value, next: { ...state, snapshot, imports } };
}

/** What an earlier import brought and this one does not: gone from the host, or only left out this time. */
async function sortUnselected(
  previous: ImportRecord | undefined,
  entries: readonly ImportEntry[],
  source: string,
): Promise<{ gone: Buffer[]; left: Map<string, string> }> {
  const left = new Map<string, string>();
  if (!previous) return { gone: [], left };
  const selected = new Set(entries.map((entry) => entry.path.toString("latin1")));
  const gone: string[] = [];
  const isThere = hostTree(source);
  for (const [path, stamp] of previous.stamps) {
    if (selected.has(path)) continue;
    if (await isThere(path)) left.set(path, stamp);
    else gone.push(path);
  }
  // Backwards, so that what is in a directory comes before it.
  return {
    gone: gone
      .sort()
      .reverse()
      .map((path) => Buffer.from(path, "latin1")),
    left,
  };
}

/** Whether a path is in the tree itself: not behind a link that took a directory's place. */
function hostTree(source: string): (path: string) => Promise<boolean> {
  const known = new Map<string, Promise<Stats | undefined>>();
  const statOf = (path: string): Promise<Stats | undefined> => {
    const stat = known.get(path) ?? lstat(hostBytes(source, path)).catch(() => undefined);
    known.set(path, stat);
    return stat;
  };
  return async (path) => {
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) {
      if (!(await statOf(path.slice(0, end)))?.isDirectory()) return false;
    }
    return (await statOf(path)) !== undefined;
  };
}

function hostBytes(source: string, latin1Path: string): Buffer {
  return Buffer.concat([Buffer.from(`${source}/`), Buffer.from(latin1Path, "latin1")]);
}

function withStamps(record: ImportRecord, left: ReadonlyMap<string, string>): ImportRecord {
  return left.size === 0 ? record : { ...record, stamps: new Map([...left, ...record.stamps]) };
}

export async function exportToHost(
  context: Context,
  from: string,
  hostPath: string,
  options: ExportOptions,
): Promise<Step<ExportResult>> {
  const { engine, state, signal } = context;
  await refuseCaches(context, from, "exportDirectory");
  const leaked = new Set<string>();
  const scanner = leakScanner(state.redactor.values, (value) => leaked.add(value));
  const { root, dispose } = await engine.view(state.snapshot, from, signal);
  try {
    const scanned = { ...options, signal, ...(scanner && { leakScanner: scanner }) };
    return { value: await exportTree(root, hostPath, scanned) };
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
