import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { SandboxError } from "../../src/errors.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { processesWith, waitForProcesses } from "../support/host-processes.js";
import { descendants, type Identity, mountsOf, stillAlive, untilNone } from "../support/leftovers.js";
import { uniqueWord } from "../support/scratch.js";

const engine = await probeLocal();

/** The holder dying alone: what ran is lost, what was is kept, and the next operation works. */
describe("a killed holder", () => {
  if ("unavailable" in engine) {
    test("the local engine answers", (context) => {
      if (isRequired("local")) expect.fail(engine.unavailable);
      context.skip(engine.unavailable);
    });
    return;
  }

  test("20 times during commands is ENGINE_LOST for what ran, and snapshots, forks and env are kept", async () => {
    await using sandbox = await Sandbox.create({ engine: "local", env: { STAYS: "yes" } });
    await sandbox.exec("mkdir d; echo 0 > count; rm -rf d; mkdir d; echo in d > d/file");
    await using fork = await sandbox.fork();
    for (let time = 1; time <= 20; time++) {
      const mark = uniqueWord();
      const running = expectCode(
        sandbox.exec("echo 99 > count; setsid sleep 1000 & echo printed; sleep 1000", {
          env: { FORKBOX_TEST_MARK: mark },
        }),
        "ENGINE_LOST",
      );
      const waiting = sandbox.exec(`expr $(cat count) + 1 > next; mv next count; echo $STAYS; cat d/file`);
      await waitForProcesses(mark, 3);
      await sleep(Math.random() * 30);
      const holders = await holdersNow();
      expect(holders).toHaveLength(2);
      for (const holder of holders) process.kill(holder.pid, "SIGKILL");
      await running;
      await untilNone(() => processesWith(mark));
      await untilNone(() => stillAlive(holders));
      expect(await waiting).toMatchObject({ exitCode: 0, stdout: "yes\nin d\n" });
      expect(await sandbox.readTextFile("count")).toBe(`${time}\n`);
    }
    expect((await fork.exec("cat count d/file")).stdout).toBe("0\nin d\n");
    await sandbox.close();
    await fork.close();
    await untilNone(() => descendants(process.pid));
    await untilNone(() => mountsOf(process.env.FORKBOX_STATE_DIR as string));
  });

  test("while nothing runs, the next operation of any kind works", async () => {
    await using sandbox = await Sandbox.create({ engine: "local" });
    await sandbox.exec("echo text > file");
    const operations = [
      () => sandbox.readTextFile("file"),
      () => sandbox.listDirectory("."),
      () => sandbox.writeFile("new", "x"),
      () => sandbox.exec("cat file"),
      () => sandbox.fork().then((fork) => fork.close()),
      () => sandbox.deleteFile("new"),
    ];
    for (const operate of operations) {
      for (const holder of await holdersNow()) process.kill(holder.pid, "SIGKILL");
      await sleep(100);
      await operate();
    }
    expect(await sandbox.readTextFile("file")).toBe("text\n");
  });

  test("straight after its end an operation works or is ENGINE_LOST: nothing is said to be missing", async () => {
    await using sandbox = await Sandbox.create({ engine: "local", network: "off" });
    await sandbox.writeFile("file", "text\n");
    const operations: (() => Promise<unknown>)[] = [
      async () => expect(await sandbox.stat("file")).toMatchObject({ name: "file", type: "file" }),
      async () => expect(await sandbox.readTextFile("file")).toBe("text\n"),
      async () => expect((await sandbox.listDirectory(".")).map(({ name }) => name)).toContain("file"),
      () => sandbox.writeFile("new", "x"),
      async () => expect(await sandbox.exec("cat file")).toMatchObject({ exitCode: 0, stdout: "text\n" }),
    ];
    for (let round = 1; round <= 10; round++) {
      for (const operate of operations) {
        await sandbox.stat("file"); // there is a holder, and a view in it
        const holders = await holdersNow();
        expect(holders).toHaveLength(2);
        // The one with the mounts alone: this process hears of its end by way of the other.
        process.kill((holders[1] as Identity).pid, "SIGKILL");
        untilRootIsGone((holders[1] as Identity).pid);
        await operate().catch((error) => {
          if (!(error instanceof SandboxError) || error.code !== "ENGINE_LOST") throw error;
        });
      }
    }
    expect(await sandbox.readTextFile("file")).toBe("text\n");
  });

  test("a cache that was removed meanwhile hinders no sandbox and is made anew", async () => {
    await using sandbox = await Sandbox.create({
      engine: "local",
      network: "off",
      caches: { gone: "/tmp/gone" },
    });
    await sandbox.exec("echo text > file; echo cached > /tmp/gone/file");
    const caches = join(process.env.FORKBOX_STATE_DIR as string, "caches");
    for (const { pid } of await holdersNow()) process.kill(pid, "SIGKILL");
    await rm(caches, { recursive: true });
    await mkdir(caches);
    await sleep(100);
    expect(await sandbox.readTextFile("file")).toBe("text\n");
    expect(await sandbox.exec("ls /tmp/gone; cat file")).toMatchObject({ exitCode: 0, stdout: "text\n" });
  });

  test("a killed process that stood by for the next command is replaced", async () => {
    await using sandbox = await Sandbox.create({ engine: "local", network: "off" });
    for (let time = 0; time < 3; time++) {
      expect((await sandbox.exec("echo ran")).stdout).toBe("ran\n");
      const standingBy = (await descendants(process.pid)).slice(2);
      expect(standingBy).not.toHaveLength(0);
      for (const { pid } of standingBy) process.kill(pid, "SIGKILL");
      await untilNone(() => stillAlive(standingBy));
    }
  });

  test("one killed as it is handed a command fails that command, and not the next", async () => {
    await using sandbox = await Sandbox.create({ engine: "local", network: "off" });
    await sandbox.exec("true");
    const standingBy = (await descendants(process.pid)).slice(2);
    for (const { pid } of standingBy) process.kill(pid, "SIGSTOP");
    const handed = expectCode(sandbox.exec("echo never"), "ENGINE_ERROR");
    await sleep(100);
    for (const { pid } of standingBy) process.kill(pid, "SIGKILL");
    await handed;
    expect((await sandbox.exec("echo ran")).stdout).toBe("ran\n");
  });

  test("many sandboxes at once all lose what ran, with what it had printed, and all go on", async () => {
    await using parent = await Sandbox.create({ engine: "local" });
    await parent.writeFile("file", "base");
    const forks = await Promise.all(Array.from({ length: 6 }, () => parent.fork()));
    const mark = uniqueWord();
    const lost = forks.map((fork) =>
      expectCode(
        fork.exec("echo printed; echo changed > file; sleep 1000", { env: { FORKBOX_TEST_MARK: mark } }),
        "ENGINE_LOST",
      ),
    );
    await waitForProcesses(mark, 6);
    for (const holder of await holdersNow()) process.kill(holder.pid, "SIGKILL");
    expect((await Promise.all(lost)).map(({ stdout }) => stdout)).toEqual(forks.map(() => "printed\n"));
    const read = await Promise.all(forks.map((fork) => fork.exec("cat file; echo again > file; cat file")));
    expect(read.map((result) => result.stdout)).toEqual(forks.map(() => "baseagain\n"));
    await Promise.all(forks.map((fork) => fork.close()));
  });
});

/** Without giving this process the time to hear of it. */
function untilRootIsGone(pid: number): void {
  const deadline = performance.now() + 2000;
  while (existsSync(`/proc/${pid}/root/proc`) && performance.now() < deadline);
}

/** The engine's first process and the one below it that holds the mounts; none when nothing needed one since. */
async function holdersNow(): Promise<Identity[]> {
  return (await descendants(process.pid)).slice(0, 2);
}
