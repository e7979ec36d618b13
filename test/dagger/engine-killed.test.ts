import { expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { describeVictims } from "../support/dagger-victim.js";
import { expectCode } from "../support/errors.js";
import { processesWith } from "../support/host-processes.js";
import { untilNone } from "../support/leftovers.js";
import { fill, hostDirectory, uniqueWord } from "../support/scratch.js";
import { sessionsOf } from "../support/sessions.js";
import { started } from "../support/started.js";
import { SOON_MS, within } from "../support/within.js";

/** A Dagger engine that ends under its sandboxes. */
describeVictims("an engine that ends", 1, (victim) => {
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    test(`during a command (${signal}) is ENGINE_LOST with what the command had printed`, async () => {
      await using engine = victim.options().engine;
      const sandbox = await Sandbox.create({ ...victim.options(), engine });
      const mark = uniqueWord();
      const { running } = await started(sandbox, "echo err >&2; echo out", {
        env: { FORKBOX_TEST_MARK: mark },
      });
      expect((await sessionsOf(process.pid)).length).toBe(1);
      expect((await processesWith(mark)).length).toBeGreaterThan(0);
      await victim.end(signal);
      const error = await within(expectCode(running, "ENGINE_LOST"));
      expect(error).toMatchObject({ stdout: "out\n", stderr: "err\n" });
      expect(error.message).toContain(victim.address);
      await untilNone(() => processesWith(mark), SOON_MS);
      await untilNone(() => sessionsOf(process.pid), SOON_MS);
      await within(sandbox.close());
      await victim.start();
    });
  }

  test("during any other operation is ENGINE_LOST", async () => {
    await using engine = victim.options().engine;
    const first = await Sandbox.create({ ...victim.options(), engine });
    const host = await hostDirectory();
    await fill(host, Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`f${at}`, `${at}`])));
    const work: ((sandbox: Sandbox, round: number) => Promise<unknown>)[] = [
      (sandbox, round) => sandbox.writeFile(`file${round}`, String(round)),
      (sandbox) => sandbox.readFile("/etc/passwd"),
      (sandbox) => sandbox.listDirectory("/etc"),
      (sandbox, round) => sandbox.refreshFromHost(host, `/workspace/in${round}`),
      (sandbox, round) => sandbox.exportDirectory("/etc", `${host}-out/${round}`, { allowSecrets: true }),
      (sandbox) => sandbox.exec("cat /proc/sys/kernel/random/uuid > file"),
    ];
    const busy = work.map(async (act) => {
      const sandbox = await first.fork();
      for (let round = 0; ; round++) await act(sandbox, round);
    });
    for (const each of busy) each.catch(() => undefined);
    await first.exec("sleep 2");
    await victim.end();
    await within(Promise.all(busy.map((each) => expectCode(each, "ENGINE_LOST"))));
    await untilNone(() => sessionsOf(process.pid), SOON_MS);
    await victim.start();
  });

  test("is ENGINE_LOST for its sandboxes for ever, and new ones come up when it is back", async () => {
    await using engine = victim.options().engine;
    const old = await Sandbox.create({ ...victim.options(), engine });
    const fork = await old.fork();
    await victim.end();
    await within(expectCode(old.exec("true"), "ENGINE_LOST"));
    const none = await within(
      expectCode(Sandbox.create({ ...victim.options(), engine }), "ENGINE_UNAVAILABLE"),
    );
    expect(none.message).toContain(victim.address);
    await victim.start();
    await using created = await Sandbox.create({ ...victim.options(), engine });
    expect((await created.exec("echo works")).stdout).toBe("works\n");
    await within(expectCode(old.exec("true"), "ENGINE_LOST"));
    await within(expectCode(fork.readFile("/etc/passwd"), "ENGINE_LOST"));
    await within(expectCode(fork.writeFile("file", "text"), "ENGINE_LOST"));
  });
});
