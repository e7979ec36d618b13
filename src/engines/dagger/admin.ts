import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { SandboxError } from "../../errors.js";
import { performance, wallClock } from "../../timers.js";
import type { Finding, Session as ListedSession, Pruned, PruneOptions } from "../admin-types.js";
import { CAPABILITIES } from "./capabilities.js";
import { cliOf, type DaggerOptions, endpointsOf } from "./options.js";
import { Session } from "./session/session.js";
import { isOwned } from "./staging/owner.js";
import { owners, readJson, reclaim, stateDirectory } from "./staging/state.js";

/** Opens a session on each engine and says which version answers, how fast, and what no Dagger engine can. */
export async function diagnose(options: DaggerOptions = {}): Promise<Finding[]> {
  const endpoints = endpointsOf(options);
  const named = endpoints.length > 0 ? endpoints : [undefined];
  const engines = await Promise.all(named.map((endpoint) => tryEngine(cliOf(options), endpoint)));
  return engines.some(({ ok }) => ok) ? [...engines, ...lacks()] : engines;
}

async function tryEngine(cli: string, endpoint: string | undefined): Promise<Finding> {
  const started = performance.now();
  let session: Session | undefined;
  try {
    session = await Session.start(cli, endpoint);
    const connected = performance.now();
    await session.query("{version}", { operation: "doctor" });
    const [startMs, queryMs] = [connected - started, performance.now() - connected].map(Math.round);
    const detail = `${session.dialect.version} at ${session.endpoint}; connected in ${startMs} ms, a query takes ${queryMs} ms`;
    return { check: "engine", ok: true, severity: "error", detail };
  } catch (error) {
    if (!(error instanceof SandboxError)) throw error;
    return { check: "engine", ok: false, severity: "error", detail: error.message.replace(/^create: /, "") };
  } finally {
    await session?.close();
  }
}

function lacks(): Finding[] {
  const { bases, network, limits } = CAPABILITIES;
  const all = { "base {host}": bases.host, "network off": network.off, "network host": network.host };
  const list = [
    ...Object.entries(all),
    ...Object.entries(limits).map(([name, can]) => [`limit ${name}`, can] as const),
  ];
  return list.flatMap(([check, support]) =>
    support === true ? [] : [{ check, ok: false, severity: "warning" as const, detail: support }],
  );
}

/** The engines of all processes that use this state directory, dead ones included. */
export async function listSessions(
  directory: string = join(stateDirectory(), "dagger"),
): Promise<ListedSession[]> {
  const all = await owners(directory);
  return Promise.all(
    all
      .flatMap(({ id, path, owner }) => (owner ? [{ id, path, owner }] : []))
      .map(async ({ id, path, owner }) => ({
        id,
        pid: owner.pid,
        startedAt: new Date(owner.at),
        live: await isOwned(path, owner),
        // What runs is in the Dagger engine, which does not say for whom.
        running: 0,
        diskBytes: await bytesIn(path),
      })),
  );
}

/**
 * Removes what dead processes staged and, with `all` or `olderThanMs`, kept setups. What the Dagger engine holds
 * for them is its own to collect.
 */
export async function prune(
  { all = false, olderThanMs }: PruneOptions,
  directory: string = join(stateDirectory(), "dagger"),
): Promise<Pruned> {
  const before = await bytesIn(directory);
  const kept = join(directory, "kept");
  const old = (await keptSetups(kept)).filter(
    ({ at }) => all || (olderThanMs !== undefined && wallClock() - at > olderThanMs),
  );
  for (const { path } of old) await rm(path, { force: true });
  const sessions = await reclaim(directory);
  return { sessions, kept: old.length, bytes: Math.max(0, before - (await bytesIn(directory))) };
}

async function keptSetups(kept: string): Promise<{ path: string; at: number }[]> {
  const found: { path: string; at: number }[] = [];
  for (const name of await readdir(kept).catch(() => [])) {
    const path = join(kept, name);
    found.push({ path, at: (await readJson<{ at: number }>(path))?.at ?? 0 });
  }
  return found;
}

/** What lies in a directory, as files say of their size. */
async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = names.map(async (entry) =>
    entry.isFile() ? (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size : 0,
  );
  return (await Promise.all(sizes)).reduce<number>((sum, size) => sum + (size ?? 0), 0);
}
