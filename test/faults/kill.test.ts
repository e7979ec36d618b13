import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildLibrary } from "../support/build.js";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";
import {
  cgroupsNow,
  descendants,
  diskUse,
  type Identity,
  locksIn,
  mountsOf,
  stillAlive,
  untilNone,
} from "../support/leftovers.js";

const engine = await probeLocal();
const unavailable = "unavailable" in engine ? engine.unavailable : undefined;
const times = 20;

/** kill -9 at any moment leaves nothing but disk, and the next start takes that back. */
describe("a killed process", () => {
  let library: Awaited<ReturnType<typeof buildLibrary>>;
  let host: string;
  beforeAll(async () => {
    library = await buildLibrary();
    host = await mkdtemp(join(tmpdir(), "forkbox-test-host-"));
    for (let directory = 0; directory < 20; directory++) {
      await mkdir(join(host, `d${directory}`));
      for (let file = 0; file < 50; file++)
        await writeFile(join(host, `d${directory}/f${file}`), "x".repeat(2000));
    }
  }, 120_000);
  afterAll(async () => {
    await library?.remove();
    await rm(host, { recursive: true, force: true });
    await rm(`${host}-out`, { recursive: true, force: true });
  });

  const run = (what: string, state: string): ChildProcess =>
    spawn(
      process.execPath,
      [fileURLToPath(new URL("victim.mjs", import.meta.url)), library.index, what, host],
      {
        env: { ...process.env, FORKBOX_STATE_DIR: state },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );

  const ready = async (victim: ChildProcess) => {
    const [said] = await Promise.race([
      once(victim.stdout as NodeJS.ReadableStream, "data"),
      once(victim, "exit"),
    ]);
    expect(String(said)).toBe("ready\n");
  };

  const runOnce = async (state: string) => {
    const [code] = await once(run("once", state), "exit");
    expect(code).toBe(0);
  };

  const expectNothingLeft = async (processes: readonly Identity[], state: string, pid: number) => {
    await untilNone(() => stillAlive(processes));
    await untilNone(() => mountsOf(state), 500);
    await untilNone(() => locksIn(state), 500);
    await untilNone(async () => (await cgroupsNow()).filter((path) => path.includes(`-${pid}-`)), 500);
  };

  for (const [what, times] of Object.entries({
    exec: 20,
    import: 20,
    export: 20,
    flatten: 20,
    services: 5,
  })) {
    test(`${times} times during ${what} leaves no process, mount, cgroup or lock, and its disk is taken back`, async (context) => {
      if (unavailable !== undefined) return skipOrFail(context, unavailable);
      const state = await mkdtemp(join(tmpdir(), "forkbox-test-state-"));
      await runOnce(state);
      const [disk, entries] = [await diskUse(state), await readdir(state, { recursive: true })];
      for (let time = 0; time < times; time++) {
        const victim = run(what, state);
        await ready(victim);
        await sleep(Math.random() * 400);
        const processes = await descendants(victim.pid as number);
        expect(processes.length, "the engine has processes of its own").toBeGreaterThan(0);
        victim.kill("SIGKILL");
        await once(victim, "exit");
        await expectNothingLeft(processes, state, victim.pid as number);
      }
      await runOnce(state);
      await untilNone(async () => {
        const left = (await readdir(state, { recursive: true })).filter((path) => !entries.includes(path));
        return left.length > 0 ? [...left.slice(0, 5), `${left.length} in all`] : [];
      }, 10_000);
      expect(await diskUse(state)).toBeLessThanOrEqual(disk + 65_536);
      await rm(state, { recursive: true, force: true });
    }, 300_000);
  }

  test(`${times} times together with its holder leaves no process, mount or lock, and the next start takes the rest back`, async (context) => {
    if (unavailable !== undefined) return skipOrFail(context, unavailable);
    const state = await mkdtemp(join(tmpdir(), "forkbox-test-state-"));
    await runOnce(state);
    const disk = await diskUse(state);
    const pids: number[] = [];
    for (let time = 0; time < times; time++) {
      const victim = run("exec", state);
      await ready(victim);
      await sleep(Math.random() * 400);
      const processes = await descendants(victim.pid as number);
      // Whatever of the engine's is killed first: all at once, as an out-of-memory killer or an operator might.
      for (const each of processes) {
        if (Math.random() < 0.7) kill(each.pid);
      }
      victim.kill("SIGKILL");
      await once(victim, "exit");
      await untilNone(() => stillAlive(processes));
      await untilNone(() => mountsOf(state), 500);
      await untilNone(() => locksIn(state), 500);
      pids.push(victim.pid as number);
    }
    await runOnce(state);
    await untilNone(async () =>
      (await cgroupsNow()).filter((path) => pids.some((pid) => path.includes(`-${pid}-`))),
    );
    await untilNone(
      async () => ((await diskUse(state)) > disk + 65_536 ? [await diskUse(state)] : []),
      10_000,
    );
    await rm(state, { recursive: true, force: true });
  }, 300_000);

  test("two processes that share a state directory do not take each other's for dead", async (context) => {
    if (unavailable !== undefined) return skipOrFail(context, unavailable);
    const state = await mkdtemp(join(tmpdir(), "forkbox-test-state-"));
    const living = run("flatten", state);
    await ready(living);
    for (let time = 0; time < 5; time++) await runOnce(state);
    expect(living.exitCode).toBeNull();
    const processes = await descendants(living.pid as number);
    expect(processes.length).toBeGreaterThan(0);
    living.kill("SIGKILL");
    await once(living, "exit");
    await expectNothingLeft(processes, state, living.pid as number);
    await rm(state, { recursive: true, force: true });
  }, 120_000);
});

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself, or with another that was killed just now.
  }
}

function skipOrFail(context: { skip: (reason: string) => never }, reason: string): void {
  if (isRequired("local")) expect.fail(reason);
  context.skip(reason);
}
