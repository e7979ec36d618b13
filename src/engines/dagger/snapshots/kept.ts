import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SandboxError } from "../../../errors.js";
import { wallClock } from "../../../timers.js";
import { cacheSteps } from "../commands/caches.js";
import { SYSTEM_PATH } from "../commands/scripts.js";
import { asking } from "../session/errors.js";
import { call } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import { stagedDigest } from "../staging/staged-digest.js";
import { readJson } from "../staging/state.js";
import type { Workspace } from "../staging/workspace.js";
import { type BaseInfo, DaggerSnapshot } from "./snapshot.js";

/** In a kept snapshot, and in nothing that is made of it. */
const MARK = "/.forkbox-mark";

/** A snapshot on disk: its ID is a recipe, and the mark says whether the engine still has what came of it. */
interface Kept {
  key: string;
  endpoint: string;
  container: string;
  mark: string;
  base: BaseInfo;
  /** What must stay on this host for the recipe, as it is: an engine that was wiped would read it again. */
  staged: readonly string[];
  stagedDigest: string;
  layers: number;
  at: number;
}

/**
 * Writes a mark that only this run of the recipe has, then remembers the ID. A wiped engine would run the
 * recipe again and come to something else: its mark differs.
 */
export async function keepSnapshot(
  key: string,
  snapshot: DaggerSnapshot,
  signal?: AbortSignal,
): Promise<void> {
  const asked = { operation: "keep", signal };
  const { workspace, container, base, staged, layers } = snapshot;
  const bare = await cacheSteps(snapshot, new Map(), "sandbox", asked);
  const script = `${SYSTEM_PATH}
cat /proc/sys/kernel/random/uuid >${MARK}`;
  const steps = [
    workspace.container(container),
    ...bare,
    call("withExec", { args: ["/bin/sh", "-c", script, "mark", randomUUID()], noInit: true }),
  ];
  const made = await asking("keep", undefined, () =>
    workspace.session.run<{ id: string; file: { contents: string } }>(
      steps,
      `id ${call("file", { path: MARK }).text}{contents}`,
      asked,
    ),
  );
  const kept: Kept = {
    key,
    endpoint: workspace.session.endpoint,
    container: made.id,
    mark: made.file.contents,
    base,
    staged,
    stagedDigest: await stagedDigest(staged),
    layers,
    at: wallClock(),
  };
  const path = pathOf(workspace, key);
  await mkdir(workspace.state.kept, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, JSON.stringify(kept), { mode: 0o600 });
  await rename(temporary, path);
}

/** Undefined unless the engine still has exactly what was kept. */
export async function findKept(
  workspace: Workspace,
  key: string,
  signal?: AbortSignal,
): Promise<DaggerSnapshot | undefined> {
  const kept = await readJson<Kept>(pathOf(workspace, key));
  if (kept?.key !== key) return undefined;
  // An engine that read other content at such a path would take it for what the ID says was there, for ever.
  if ((await stagedDigest(kept.staged).catch(() => undefined)) !== kept.stagedDigest) return undefined;
  const asked: QueryOptions = { operation: "find", signal };
  try {
    const steps = [workspace.container(kept.container)];
    const { file } = await workspace.session.run<{ file: { contents: string } }>(
      steps,
      `${call("file", { path: MARK }).text}{contents}`,
      asked,
    );
    if (file.contents !== kept.mark) return undefined;
    const clean = [...steps, call("withoutFile", { path: MARK })];
    const { sync } = await workspace.session.run<{ sync: string }>(clean, "sync", asked);
    const { base, staged, layers } = kept;
    return new DaggerSnapshot({
      workspace,
      container: sync,
      base,
      caches: new Map(),
      staged,
      known: new Map(),
      layers: layers + 2,
      steps: 0,
    });
  } catch (error) {
    if (error instanceof SandboxError) throw error;
    return undefined;
  }
}

/** Whatever engine has it. */
export async function forgetKept(directory: string, key: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const ours = names.filter((name) => name.startsWith(`${hashOf(key)}-`));
  await Promise.all(ours.map((name) => rm(join(directory, name), { force: true })));
}

function pathOf({ session, state }: Workspace, key: string): string {
  return join(state.kept, `${hashOf(key)}-${hashOf(session.endpoint)}.json`);
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
