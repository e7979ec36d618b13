import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { describeVictims } from "../support/dagger-victim.js";
import { expectCode } from "../support/errors.js";
import { processesWith } from "../support/host-processes.js";
import { untilNone } from "../support/leftovers.js";
import { uniqueWord } from "../support/scratch.js";
import { sessionsOf } from "../support/sessions.js";
import { started } from "../support/started.js";
import { SOON_MS, within } from "../support/within.js";

/** SIGSTOP: its socket still takes connections, and nothing is ever answered. */
describeVictims("an engine that hangs", 1, (victim) => {
  afterEach(() => victim.signal("SIGCONT"));

  test("does not hold up a deadline, whose error has what was printed before", async () => {
    await using engine = victim.options().engine;
    await using sandbox = await Sandbox.create({ ...victim.options(), engine });
    await sandbox.writeFile("file", "before");
    const timeoutMs = 3000;
    const mark = uniqueWord();
    const options = { timeoutMs, env: { FORKBOX_TEST_MARK: mark } };
    const { running } = await started(sandbox, "echo after > file; echo err >&2; echo out", options);
    const stopped = expectCode(running, "TIMEOUT");
    await victim.signal("SIGSTOP");
    const error = await within(stopped, timeoutMs + SOON_MS);
    expect(error).toMatchObject({ stdout: "out\n", stderr: "err\n" });
    expect(await processesWith(mark)).toEqual([]);
    await victim.signal("SIGCONT");
    expect(await within(sandbox.readTextFile("file"))).toBe("before");
  });

  test("does not hold up a deadline that began after it", async () => {
    await using engine = victim.options().engine;
    await using sandbox = await Sandbox.create({ ...victim.options(), engine });
    await victim.signal("SIGSTOP");
    await within(expectCode(sandbox.exec("true", { timeoutMs: 500 }), "TIMEOUT"), 500 + SOON_MS);
    await victim.signal("SIGCONT");
    expect((await sandbox.exec("echo works")).stdout).toBe("works\n");
  });

  test("does not hold up an abort, a close, or the close of its last sandbox", async () => {
    await using engine = victim.options().engine;
    const sandbox = await Sandbox.create({ ...victim.options(), engine });
    const fork = await sandbox.fork();
    const other = await sandbox.fork();
    const { running } = await started(sandbox, "echo out");
    const controller = new AbortController();
    const { running: aborted } = await started(fork, "echo out", { signal: controller.signal });
    await victim.signal("SIGSTOP");
    const reading = other.readFile("/etc/passwd");
    await sleep(300);
    const ends = [
      expectCode(running, "CLOSED"),
      expectCode(aborted, "ABORTED"),
      expectCode(reading, "CLOSED"),
    ];
    controller.abort();
    await within(Promise.all([...ends, sandbox.close(), fork.close(), other.close()]));
  });

  test("does not hold up the close of its engine, whose session ends", async () => {
    const { engine, ...options } = victim.options();
    const sandbox = await Sandbox.create({ ...options, engine });
    const { running } = await started(sandbox, "echo out");
    const lost = expectCode(running, "ENGINE_LOST");
    await victim.signal("SIGSTOP");
    await within(engine.close());
    expect(await lost).toMatchObject({ stdout: "out\n" });
    await untilNone(() => sessionsOf(process.pid), SOON_MS);
  });

  test("is ENGINE_UNAVAILABLE for a new sandbox within ten seconds, and its session is gone", async () => {
    await using engine = victim.options().engine;
    await victim.signal("SIGSTOP");
    const error = await within(
      expectCode(Sandbox.create({ ...victim.options(), engine }), "ENGINE_UNAVAILABLE"),
      10_000,
    );
    expect(error.message).toMatch(/did not answer within .* s.*Start that engine, or name another/);
    await untilNone(() => sessionsOf(process.pid), SOON_MS);
    await victim.signal("SIGCONT");
    await using sandbox = await Sandbox.create({ ...victim.options(), engine });
    expect((await sandbox.exec("echo works")).stdout).toBe("works\n");
  });

  test("is ENGINE_UNAVAILABLE for another sandbox beside one that it has, which goes on later", async () => {
    await using engine = victim.options().engine;
    await using sandbox = await Sandbox.create({ ...victim.options(), engine });
    await victim.signal("SIGSTOP");
    await within(expectCode(Sandbox.create({ ...victim.options(), engine }), "ENGINE_UNAVAILABLE"), 10_000);
    await victim.signal("SIGCONT");
    expect((await sandbox.exec("echo works")).stdout).toBe("works\n");
    await using other = await Sandbox.create({ ...victim.options(), engine });
    expect((await other.exec("echo works")).stdout).toBe("works\n");
  });

  test("does not hold up closing while a sandbox is created", async () => {
    const { engine, ...options } = victim.options();
    await victim.signal("SIGSTOP");
    const creating = Sandbox.create({ ...options, engine });
    const refused = expectCode(creating, "CLOSED");
    await sleep(500);
    await within(engine.close());
    await within(refused);
    await untilNone(() => sessionsOf(process.pid), SOON_MS);
  });
});
