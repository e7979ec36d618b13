import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dagger } from "../../src/engines/dagger/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { buildLibrary } from "../support/build.js";
import { describeDagger } from "../support/engine-dagger.js";
import { expectCode } from "../support/errors.js";
import { processesWith, waitForProcesses } from "../support/host-processes.js";
import { descendants, stillAlive, untilNone } from "../support/leftovers.js";
import { uniqueWord } from "../support/scratch.js";
import { sessionsOf } from "../support/sessions.js";
import { started } from "../support/started.js";
import { SOON_MS, within } from "../support/within.js";

await describeDagger("a killed session", ({ options }) => {
  test("is ENGINE_LOST with what was printed, nothing of it stays alive, and a new sandbox works", async () => {
    await using engine = dagger();
    const sandbox = await Sandbox.create({ ...options, engine });
    const fork = await sandbox.fork();
    const mark = uniqueWord();
    const { running } = await started(sandbox, "echo err >&2; echo out", {
      env: { FORKBOX_TEST_MARK: mark },
    });
    await waitForProcesses(mark);
    const [session, ...others] = await sessionsOf(process.pid);
    expect(others).toEqual([]);
    process.kill(session?.pid as number, "SIGKILL");
    expect(await within(expectCode(running, "ENGINE_LOST"))).toMatchObject({
      stdout: "out\n",
      stderr: "err\n",
    });
    await untilNone(() => processesWith(mark), SOON_MS);
    await within(expectCode(fork.readFile("/etc/passwd"), "ENGINE_LOST"));
    await using created = await Sandbox.create({ ...options, engine });
    expect((await created.exec("echo works")).stdout).toBe("works\n");
  });

  test("between two operations is ENGINE_LOST, and a new sandbox works", async () => {
    await using engine = dagger();
    const sandbox = await Sandbox.create({ ...options, engine });
    for (const { pid } of await sessionsOf(process.pid)) process.kill(pid, "SIGKILL");
    await within(expectCode(sandbox.exec("true"), "ENGINE_LOST"));
    await using created = await Sandbox.create({ ...options, engine });
    expect((await created.exec("echo works")).stdout).toBe("works\n");
  });

  test("that hangs holds up neither a deadline nor the close", async () => {
    await using engine = dagger();
    const sandbox = await Sandbox.create({ ...options, engine });
    const [session] = await sessionsOf(process.pid);
    const timeoutMs = 3000;
    const { running } = await started(sandbox, "echo out", { timeoutMs });
    process.kill(session?.pid as number, "SIGSTOP");
    const error = await within(expectCode(running, "TIMEOUT"), timeoutMs + SOON_MS);
    expect(error.stdout).toBe("out\n");
    await within(engine.close());
    await untilNone(() => sessionsOf(process.pid), SOON_MS);
  });

  describe("with its Node process", () => {
    let library: Awaited<ReturnType<typeof buildLibrary>>;
    beforeAll(async () => {
      library = await buildLibrary();
    }, 120_000);
    afterAll(() => library?.remove());

    const victim = (mark: string) =>
      spawn(
        process.execPath,
        [
          fileURLToPath(new URL("killed.mjs", import.meta.url)),
          library.index,
          JSON.stringify(options.base ?? null),
          mark,
        ],
        { stdio: ["ignore", "pipe", "inherit"] },
      );

    for (const [when, waitMs] of [
      ["during a command", undefined],
      ["while it starts", 150],
    ] as const) {
      test(`${when}: no process of either is left`, async () => {
        const mark = uniqueWord();
        const node = victim(mark);
        if (waitMs === undefined) {
          await once(node.stdout, "data");
          await waitForProcesses(mark, 2);
        } else {
          while ((await sessionsOf(node.pid as number)).length === 0) await sleep(5);
          await sleep(waitMs);
        }
        const processes = await descendants(node.pid as number);
        expect((await sessionsOf(node.pid as number)).length).toBeGreaterThan(0);
        node.kill("SIGKILL");
        await once(node, "exit");
        await untilNone(() => stillAlive(processes), SOON_MS);
        await untilNone(() => processesWith(mark), SOON_MS);
      });
    }
  });
});
