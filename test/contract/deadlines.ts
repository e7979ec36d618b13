import { describe, expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { everyByte } from "../support/bytes.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode, expectRefused } from "../support/errors.js";
import { prepare } from "../support/prepared.js";

/** timeoutMs, execWithTimeout and signal: when they apply and what they leave. */
export function describeDeadlines(engine: EngineUnderTest): void {
  describe("deadlines", () => {
    const prepared = prepare(engine);
    const short = prepare(engine, { timeoutMs: engine.deadlineMs });
    const longerThanDeadline = `sleep ${(engine.deadlineMs * 2) / 1000}`;

    test("a timeout changes nothing and carries what was printed, where and for how long", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("file", "before");
      const error = await expectCode(
        sandbox.exec("echo after > file; touch new; echo out; echo err >&2; sleep 60", {
          timeoutMs: engine.deadlineMs,
        }),
        "TIMEOUT",
      );
      expect(error).toMatchObject({ operation: "exec", stdout: "out\n", stderr: "err\n" });
      expect(error.durationMs).toBeGreaterThanOrEqual(engine.deadlineMs * 0.9);
      expect(error.message).toContain(String(engine.deadlineMs));
      expect((await sandbox.exec("ls; cat file")).stdout).toBe("file\nbefore");
    });

    test("with bytes the error has every byte of both streams, whatever they are", async () => {
      const sandbox = await prepared.fork();
      const [out, err] = [Buffer.alloc(300_000, everyByte), Buffer.alloc(200_001, everyByte.toReversed())];
      await sandbox.writeFiles([
        { path: "out", data: out },
        { path: "err", data: err },
      ]);
      const error = await expectCode(
        sandbox.exec("cat out; cat err >&2; sleep 60", { encoding: "bytes", timeoutMs: engine.deadlineMs }),
        "TIMEOUT",
      );
      expect(out.equals(error.stdout as Uint8Array)).toBe(true);
      expect(err.equals(error.stderr as Uint8Array)).toBe(true);
    });

    test("exec has no deadline of its own; execWithTimeout has the sandbox's, or its option's", async () => {
      const sandbox = await short.fork();
      expect((await sandbox.exec(longerThanDeadline)).exitCode).toBe(0);
      await expectCode(sandbox.execWithTimeout("sleep 60"), "TIMEOUT");
      expect((await sandbox.execWithTimeout(longerThanDeadline, { timeoutMs: 60_000 })).exitCode).toBe(0);
      expect((await sandbox.execWithTimeout("echo quick")).stdout).toBe("quick\n");
      await expectCode(sandbox.exec("sleep 60", { timeoutMs: engine.deadlineMs }), "TIMEOUT");
    });

    test("a fork inherits the sandbox's timeout", async () => {
      await using fork = await (await short.fork()).fork();
      await expectCode(fork.execWithTimeout("sleep 60"), "TIMEOUT");
    });

    test("it is counted from leaving the queue, not from the call", async () => {
      const sandbox = await prepared.fork();
      const [, second] = await Promise.all([
        sandbox.exec(longerThanDeadline),
        sandbox.exec("echo in time", { timeoutMs: engine.deadlineMs }),
      ]);
      expect(second.stdout).toBe("in time\n");
    });

    test("there is no grace: a command can't react to its deadline", async () => {
      const sandbox = await prepared.fork();
      const error = await expectCode(
        sandbox.exec("trap 'echo caught' TERM INT HUP EXIT; echo ready; while :; do sleep 0.05; done", {
          timeoutMs: engine.deadlineMs,
        }),
        "TIMEOUT",
      );
      expect(error.stdout).toBe("ready\n");
    });

    test("the largest timeout does not fire at once", async () => {
      const sandbox = await prepared.fork();
      expect((await sandbox.exec("sleep 0.2; echo done", { timeoutMs: 2_147_483_647 })).stdout).toBe(
        "done\n",
      );
    });

    test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2_147_483_648, "5", null])(
      "a timeout of %s is INVALID_ARGUMENT and nothing runs",
      async (value) => {
        const timeoutMs = value as number;
        const sandbox = await prepared.fork();
        await expectRefused(() => sandbox.exec("touch ran", { timeoutMs }), "INVALID_ARGUMENT");
        await expectRefused(() => sandbox.execWithTimeout("touch ran", { timeoutMs }), "INVALID_ARGUMENT");
        await expectRefused(() => Sandbox.create({ ...engine.options, timeoutMs }), "INVALID_ARGUMENT");
        expect(await sandbox.listDirectory(".")).toEqual([]);
      },
    );

    test("an abort rejects with the signal's reason as cause and what was printed", async () => {
      const sandbox = await prepared.fork();
      const controller = new AbortController();
      const reason = new Error("enough");
      const error = await expectCode(
        sandbox.exec("echo after > file; echo printed; sleep 60", {
          signal: controller.signal,
          onStdout: () => controller.abort(reason),
        }),
        "ABORTED",
      );
      expect(error.cause).toBe(reason);
      expect(error.stdout).toBe("printed\n");
      expect(error.durationMs).toBeGreaterThan(0);
      expect(await sandbox.stat("file")).toBeUndefined();
    });

    test("AbortSignal.timeout is an abort, with its own reason", async () => {
      const sandbox = await prepared.fork();
      const error = await expectCode(
        sandbox.exec("sleep 60", { signal: AbortSignal.timeout(engine.deadlineMs) }),
        "ABORTED",
      );
      expect((error.cause as Error).name).toBe("TimeoutError");
    });

    test("an abort after the end changes nothing", async () => {
      const sandbox = await prepared.fork();
      const controller = new AbortController();
      const result = await sandbox.exec("echo done > file", { signal: controller.signal });
      controller.abort();
      expect(result.exitCode).toBe(0);
      expect(await sandbox.readTextFile("file")).toBe("done\n");
    });

    test("a stream given as stdin that fails stops the command, and is the error's cause", async () => {
      const sandbox = await prepared.fork();
      const failure = new Error("no more input");
      async function* failing() {
        yield "first\n";
        throw failure;
      }
      const outcome = await sandbox
        .exec("touch ran; cat; sleep 60", { stdin: failing() })
        .catch((error) => error);
      expect(outcome).toMatchObject({ cause: failure });
      expect(await sandbox.stat("ran")).toBeUndefined();
    });
  });
}
