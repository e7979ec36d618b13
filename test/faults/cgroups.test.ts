import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { findCgroups } from "../../src/engines/local/commands/cgroups.js";
import { local } from "../../src/engines/local/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { buildLibrary } from "../support/build.js";
import { cgroupsNow, descendants, stillAlive, untilNone } from "../support/leftovers.js";
import { hostDirectory } from "../support/scratch.js";

const [root] = Object.values(findCgroups());

/** A cgroup can be removed only when its last process is gone, which may be later than its owner's end. */
describe.skipIf(root === undefined)("cgroups of killed processes", () => {
  const setUp = async () => {
    const stateDirectory = join(await hostDirectory(), "state");
    const start = async () => {
      await using engine = local({ stateDirectory });
      await using sandbox = await Sandbox.create({ engine, network: "off" });
      await sandbox.exec("true");
    };
    await start();
    const session = join(stateDirectory, "sessions", "1-dead");
    const cgroup = join(root?.directory as string, `forkbox-${process.pid}-dead`);
    for (const directory of [session, join(session, "l"), cgroup, join(cgroup, "1")]) mkdirSync(directory);
    for (const [file, text] of Object.entries({ lease: "", "l/data": "x", cgroups: `${cgroup}\n` }))
      writeFileSync(join(session, file), text);
    const dying = spawn("sleep", ["1000"]);
    onTestFinished(() => void dying.kill("SIGKILL"));
    writeFileSync(join(cgroup, "1", "cgroup.procs"), String(dying.pid));
    return { start, session, cgroup, dying };
  };
  const end = async (dying: ChildProcess) => {
    dying.kill("SIGKILL");
    await once(dying, "exit");
  };

  test("with a process that is dying yet are removed when it is gone, by the same start", async () => {
    const { start, session, cgroup, dying } = await setUp();
    setTimeout(() => void end(dying), 200);
    await start();
    expect([existsSync(cgroup), existsSync(session)]).toEqual([false, false]);
  });

  test("with a process that stays are remembered: their disk is taken back, and the next start removes them", async () => {
    const { start, session, cgroup, dying } = await setUp();
    await start();
    expect(existsSync(cgroup)).toBe(true);
    expect(readdirSync(session).sort()).toEqual(["cgroups", "lease"]);
    await end(dying);
    await start();
    expect([existsSync(cgroup), existsSync(session)]).toEqual([false, false]);
  });

  test("are removed by its holder, even if the state was removed before", async () => {
    const library = await buildLibrary();
    const state = await hostDirectory();
    const victim = spawn(
      process.execPath,
      [fileURLToPath(new URL("victim.mjs", import.meta.url)), library.index, "exec", state],
      { env: { ...process.env, FORKBOX_STATE_DIR: state }, stdio: ["ignore", "pipe", "inherit"] },
    );
    await once(victim.stdout, "data");
    const own = async () => (await cgroupsNow()).filter((path) => path.includes(`-${victim.pid}-`));
    expect(await own()).not.toEqual([]);
    const processes = await descendants(victim.pid as number);
    for (const session of readdirSync(join(state, "sessions")))
      rmSync(join(state, "sessions", session, "cgroups"));
    victim.kill("SIGKILL");
    await untilNone(() => stillAlive(processes));
    await untilNone(own);
    await library.remove();
  }, 60_000);

  test("that tried whether they may make any are removed by the next start", async () => {
    const probe = join(root?.directory as string, "forkbox-probe-1");
    mkdirSync(probe);
    findCgroups();
    expect(existsSync(probe)).toBe(false);
  });
});
