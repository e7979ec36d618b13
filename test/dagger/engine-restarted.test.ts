import { expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { describeVictims, type Victim } from "../support/dagger-victim.js";
import { expectCode } from "../support/errors.js";
import { untilNone } from "../support/leftovers.js";
import { sessionsOf } from "../support/sessions.js";
import { SOON_MS, within } from "../support/within.js";

const RANDOM = "cat /proc/sys/kernel/random/uuid";

const ways: { how: string; restart: (victim: Victim) => Promise<void> }[] = [
  { how: "killed and started", restart: (victim) => victim.restart("SIGKILL") },
  { how: "ended and started", restart: (victim) => victim.restart("SIGTERM") },
  { how: "ended, wiped and started", restart: (victim) => victim.replace() },
];

/**
 * A session goes on with what answers at its endpoint, and an engine makes what it doesn't have again: random
 * numbers would be others, and commands would run twice.
 */
describeVictims("an engine that is another between two operations", 1, (victim) => {
  for (const { how, restart } of ways) {
    test(`${how}: a sandbox ends in ENGINE_LOST whatever is asked of it, and a new one works`, async () => {
      await using engine = victim.options().engine;
      const sandbox = await Sandbox.create({ ...victim.options(), engine, secrets: { S: "a-secret-value" } });
      const { stdout } = await sandbox.exec(`${RANDOM} | tee id`);
      expect(await sandbox.readTextFile("id")).toBe(stdout);
      const forks = await Promise.all(Array.from({ length: 4 }, () => sandbox.fork()));
      await restart(victim);
      const asked = [
        sandbox.readTextFile("id"),
        forks[0]?.exec("cat id; echo $S"),
        forks[1]?.writeFile("other", "text"),
        forks[2]?.listDirectory("/workspace"),
        forks[3]?.stat("id"),
      ];
      await within(Promise.all(asked.map((each) => expectCode(each as Promise<unknown>, "ENGINE_LOST"))));
      await within(expectCode(sandbox.exec("cat id"), "ENGINE_LOST"));
      await using created = await Sandbox.create({ ...victim.options(), engine });
      expect((await created.exec("echo works")).stdout).toBe("works\n");
      await engine.close();
      await untilNone(() => sessionsOf(process.pid), SOON_MS);
    });
  }

  test("new sandboxes, also many at once, come up", async () => {
    await using engine = victim.options().engine;
    await using old = await Sandbox.create({ ...victim.options(), engine });
    await victim.restart();
    const created = await Promise.all(
      Array.from({ length: 4 }, () => Sandbox.create({ ...victim.options(), engine })),
    );
    for (const each of created) expect((await each.exec("echo works")).stdout).toBe("works\n");
    await within(expectCode(old.exec("true"), "ENGINE_LOST"));
  });

  test("a command is not run again", async () => {
    await using engine = victim.options().engine;
    const sandbox = await Sandbox.create({ ...victim.options(), engine });
    await sandbox.exec("sleep 4");
    await victim.replace();
    // Made again, what the sandbox stands on would take four seconds.
    await within(expectCode(sandbox.readFile("/etc/passwd"), "ENGINE_LOST"), 3000);
  });
});
