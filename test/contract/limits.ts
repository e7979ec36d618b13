import { describe, expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode, expectRefused } from "../support/errors.js";
import { createWhereSupported } from "../support/prepared.js";

/** Limits: memory and disk stop a command, processes and cpus constrain it, outputBytes caps (see output). */
export function describeLimits(engine: EngineUnderTest): void {
  const supported = engine.capabilities.limits;

  describe("limits", () => {
    test("passing memoryMiB is LIMIT, and nothing changes", async () => {
      const sandbox = await createWhereSupported(engine, supported.memoryMiB, { limits: { memoryMiB: 64 } });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      // tail keeps a line that never ends in memory.
      const error = await expectCode(
        sandbox.exec("echo x > file; echo printed; tail /dev/zero; echo survived"),
        "LIMIT",
      );
      expect(error.message).toMatch(/memory/i);
      expect(error.stdout).toMatch(/^printed\n/);
      expect(await sandbox.stat("file")).toBeUndefined();
      expect((await sandbox.exec("echo x > file; cat file")).stdout).toBe("x\n");
    });

    test("memory of a background child counts, and a command within its memory is left alone", async () => {
      const sandbox = await createWhereSupported(engine, supported.memoryMiB, { limits: { memoryMiB: 64 } });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      await expectCode(sandbox.exec("tail /dev/zero & sleep 30"), "LIMIT");
      expect((await sandbox.exec("head -c 20M /dev/zero | tail -c 10M | wc -c")).stdout.trim()).toBe(
        "10485760",
      );
    });

    test("what one sandbox uses does not count for another", async () => {
      const sandbox = await createWhereSupported(engine, supported.memoryMiB, { limits: { memoryMiB: 64 } });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      await using fork = await sandbox.fork();
      const [stopped, ended] = await Promise.allSettled([
        sandbox.exec("tail /dev/zero"),
        fork.exec("sleep 1; echo fine"),
      ]);
      expect(stopped).toMatchObject({ status: "rejected", reason: { code: "LIMIT" } });
      expect(ended).toMatchObject({ status: "fulfilled", value: { stdout: "fine\n" } });
    });

    test("adding more than diskMiB is LIMIT, and nothing changes", async () => {
      const sandbox = await createWhereSupported(engine, supported.diskMiB, { limits: { diskMiB: 16 } });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      const error = await expectCode(
        sandbox.exec("echo printed; head -c 200M /dev/zero > big; sleep 30; echo survived"),
        "LIMIT",
      );
      expect(error.message).toMatch(/disk/i);
      expect(error.stdout).toBe("printed\n");
      expect(await sandbox.listDirectory(".")).toEqual([]);
      // What a command adds counts, not what is there.
      for (const name of ["a", "b", "c"]) {
        expect((await sandbox.exec(`head -c 10M /dev/zero > ${name}`)).exitCode).toBe(0);
      }
    });

    test("a command that passes diskMiB and ends at once is LIMIT all the same", async () => {
      const sandbox = await createWhereSupported(engine, supported.diskMiB, { limits: { diskMiB: 16 } });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      await expectCode(sandbox.exec("head -c 40M /dev/zero > big"), "LIMIT");
      await expectCode(sandbox.exec("head -c 40M /dev/zero > /tmp/big"), "LIMIT");
      expect((await sandbox.exec("ls; ls /tmp")).stdout).toBe("");
    });

    test.each([
      ["in a directory that nobody may list", "mkdir d; chmod 333 d; head -c 200M /dev/zero > d/big"],
      ["in a file that is deleted but open", "exec 3> big; rm big; head -c 200M /dev/zero >&3"],
    ])("what a command adds %s counts for diskMiB", async (_, script) => {
      const sandbox = await createWhereSupported(engine, supported.diskMiB, { limits: { diskMiB: 16 } });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      await expectCode(sandbox.exec(`${script}; sleep 30; echo survived`), "LIMIT");
      expect(await sandbox.listDirectory(".")).toEqual([]);
    });

    test("a file with several names counts once for diskMiB", async () => {
      const sandbox = await createWhereSupported(engine, supported.diskMiB, { limits: { diskMiB: 16 } });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      const { exitCode } = await sandbox.exec("head -c 10M /dev/zero > a; ln a b; ln a c");
      expect(exitCode).toBe(0);
    });

    test("a fork bomb sees EAGAIN, the sandbox goes on and so does the host", async () => {
      const sandbox = await createWhereSupported(engine, supported.processes, { limits: { processes: 50 } });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      const result = await sandbox.exec(
        "i=0; while [ $i -lt 200 ]; do sleep 20 & i=$((i+1)); done; echo started $i",
      );
      expect(result.stderr).toMatch(/fork|resource/i);
      expect(result.stdout).not.toContain("started 200");
      const bomb = sandbox.exec("b() { b | b & b; }; b", { timeoutMs: 3000 });
      await bomb.catch((error) => expect(error.code).toBe("TIMEOUT"));
      expect((await sandbox.exec("echo still here")).stdout).toBe("still here\n");
    });

    test("a command that was refused a process is told so, where that can be known, and no other is", async () => {
      const sandbox = await createWhereSupported(engine, supported.processes, { limits: { processes: 20 } });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      const refused = await sandbox.exec("i=0; while [ $i -lt 40 ]; do sleep 20 & i=$((i+1)); done");
      expect(refused.stderr).toMatch(/fork|resource/i);
      // Memory limits and a count of refusals come from the same place: without it nothing is claimed.
      expect(refused.limitsMet).toEqual(supported.memoryMiB === true ? ["processes"] : undefined);
      expect((await sandbox.exec("sleep 0 & wait")).limitsMet).toBeUndefined();
    });

    test("the processes of one sandbox do not count for another", async () => {
      const sandbox = await createWhereSupported(engine, supported.processes, { limits: { processes: 30 } });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      const forks = await Promise.all(Array.from({ length: 4 }, () => sandbox.fork()));
      const script = "i=0; while [ $i -lt 15 ]; do sleep 1 & i=$((i+1)); done; wait; echo started $i";
      const results = await Promise.all(forks.map((fork) => fork.exec(script)));
      for (const { stdout, stderr } of results)
        expect({ stdout, stderr }).toEqual({ stdout: "started 15\n", stderr: "" });
      await Promise.all(forks.map((fork) => fork.close()));
    });

    test("the default of processes is enough for a build and too little for a bomb", async () => {
      await using sandbox = await Sandbox.create(engine.options);
      const { stdout } = await sandbox.exec(
        "i=0; while [ $i -lt 200 ]; do sleep 20 & i=$((i+1)); done; echo started $i",
      );
      expect(stdout).toBe("started 200\n");
      // An engine that sets no limits can't be asked for one, and has no default.
      if (supported.processes !== true) return;
      const { stdout: bomb } = await sandbox.exec(
        "i=0; while [ $i -lt 3000 ]; do sleep 60 & i=$((i+1)); done 2>/dev/null; echo started $i",
      );
      expect(bomb).not.toContain("started 3000");
    });

    test("cpus lets a command run", async () => {
      const sandbox = await createWhereSupported(engine, supported.cpus, { limits: { cpus: 0.5 } });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      expect((await sandbox.exec("echo ran")).stdout).toBe("ran\n");
    });

    test.each([
      { memoryMiB: 0 },
      { memoryMiB: -1 },
      { memoryMiB: 7.9 },
      { memoryMiB: Number.NaN },
      { cpus: 0 },
      { cpus: Number.POSITIVE_INFINITY },
      { processes: 1.5 },
      { diskMiB: "16" as unknown as number },
      { outputBytes: -5 },
      { unknownLimit: 5 },
    ])("limits of %j are INVALID_ARGUMENT", async (limits) => {
      await expectRefused(() => Sandbox.create({ ...engine.options, limits }), "INVALID_ARGUMENT");
    });
  });
}
