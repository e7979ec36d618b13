import { expect, test } from "vitest";
import { dagger } from "../../src/engines/dagger/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { describeDagger } from "../support/engine-dagger.js";
import { hostFiles } from "../support/scratch.js";
import { printed, validated } from "../support/validating.js";

const RANDOM = "cat /proc/sys/kernel/random/uuid";

/** A Dagger engine answers from its cache whatever it is asked twice, failures included. */
await describeDagger("nothing but the setup is answered from the engine's cache", ({ options }) => {
  test("a command that failed or passed really runs again, in the same sandbox, a fork and a new sandbox", async () => {
    await using engine = dagger();
    await using sandbox = await Sandbox.create({ ...options, engine });
    await using fork = await sandbox.fork();
    await using other = await Sandbox.create({ ...options, engine });
    const seen = new Set<string>();
    for (const each of [sandbox, sandbox, fork, fork, other]) {
      for (const code of [0, 1, 137]) {
        const { stdout, exitCode } = await each.exec(`${RANDOM}; exit ${code}`);
        expect(exitCode).toBe(code);
        seen.add(stdout);
      }
    }
    expect(seen.size).toBe(15);
  });

  test("checks that failed, passed or timed out run again with each validation, on the setup that was kept", async () => {
    const directories = [await hostFiles({ "package-lock.json": "{}" })];
    const checks = {
      failing: `cat setup-id; ${RANDOM}; exit 1`,
      passing: `cat setup-id; ${RANDOM}`,
      slow: { run: `cat setup-id; ${RANDOM}; sleep 100`, timeoutMs: 3000 },
    };
    const config = { setup: `${RANDOM} > setup-id`, checks };
    const seen = new Set<string>();
    const setups = new Set<string>();
    for (let round = 0; round < 3; round++) {
      await using engine = dagger();
      const { verdicts, check, events } = await validated({ ...options, engine, config, directories });
      expect(verdicts).toEqual({ setup: "passed", failing: "failed", passing: "passed", slow: "timed-out" });
      expect(check("setup").cached ?? false).toBe(round > 0);
      for (const name of Object.keys(checks)) {
        const [setup, own] = printed(events, name).split("\n");
        setups.add(setup as string);
        seen.add(own as string);
      }
    }
    expect(setups.size).toBe(1);
    expect(seen.size).toBe(9);
  });
});
