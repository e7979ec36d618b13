import { describe, expect, test } from "vitest";
import type { Sandbox } from "../../src/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { processesWith, waitForProcesses } from "../support/host-processes.js";
import { createWhereSupported, prepare } from "../support/prepared.js";
import { uniqueWord } from "../support/scratch.js";

/**
 * Ways to outlive a kill. Each leaves processes that carry the marker in their environment; `processes` says
 * how many must have been seen alive before the stop counts.
 */
const stubborn: { what: string; script: string; processes: number }[] = [
  { what: "a plain sleep", script: "sleep 1000", processes: 1 },
  { what: "a child in a session of its own", script: "setsid sleep 1000 & sleep 1000", processes: 2 },
  {
    what: "a double-forked child whose parent is gone",
    script: "( ( setsid sh -c 'while :; do sleep 1; done' & ) & ); sleep 1000",
    processes: 2,
  },
  {
    what: "processes that ignore SIGTERM, SIGINT and SIGHUP",
    script: "trap '' TERM INT HUP; sh -c 'while :; do sleep 1; done' & while :; do sleep 1; done",
    processes: 2,
  },
  { what: "a process that closed its streams", script: "exec <&- >&- 2>&-; sleep 1000", processes: 1 },
  { what: "a flood of output", script: "yes flood", processes: 1 },
];

/** When the promise has rejected nothing of the command is alive, and the sandbox is as it was. */
export function describeStopped(engine: EngineUnderTest): void {
  describe("stopped means dead", () => {
    const prepared = prepare(engine, {}, (sandbox) => sandbox.writeFile("file", "before"));

    const start = (sandbox: Sandbox, script: string, mark: string, options = {}) =>
      sandbox.exec(`echo after > file; touch new; echo partial out; echo partial err >&2; ${script}`, {
        env: { FORKBOX_TEST_MARK: mark },
        ...options,
      });

    const expectPartial = (error: { stdout?: unknown; stderr?: unknown }) => {
      expect(String(error.stdout)).toMatch(/^partial out\n/);
      expect(error.stderr).toBe("partial err\n");
    };

    const expectUnchanged = async (sandbox: Sandbox) =>
      expect((await sandbox.exec("ls; cat file")).stdout).toBe("file\nbefore");

    for (const { what, script, processes } of stubborn) {
      test(`timeout: ${what}`, async () => {
        const sandbox = await prepared.fork();
        const mark = uniqueWord();
        const running = start(sandbox, script, mark, { timeoutMs: engine.deadlineMs * 2 });
        const stopped = expectCode(running, "TIMEOUT");
        await waitForProcesses(mark, processes);
        const error = await stopped;
        expect(await processesWith(mark)).toEqual([]);
        expectPartial(error);
        await expectUnchanged(sandbox);
      });

      test(`abort: ${what}`, async () => {
        const sandbox = await prepared.fork();
        const mark = uniqueWord();
        const controller = new AbortController();
        const stopped = expectCode(start(sandbox, script, mark, { signal: controller.signal }), "ABORTED");
        await waitForProcesses(mark, processes);
        controller.abort();
        const error = await stopped;
        expect(await processesWith(mark)).toEqual([]);
        expectPartial(error);
        await expectUnchanged(sandbox);
      });

      test(`close: ${what}`, async () => {
        const sandbox = await prepared.fork();
        await using fork = await sandbox.fork();
        const mark = uniqueWord();
        let aliveAtRejection: unknown;
        const stopped = expectCode(start(sandbox, script, mark), "CLOSED").then(async (error) => {
          aliveAtRejection = await processesWith(mark);
          return error;
        });
        await waitForProcesses(mark, processes);
        await sandbox.close();
        expect(await processesWith(mark)).toEqual([]);
        expectPartial(await stopped);
        expect(aliveAtRejection).toEqual([]);
        await expectUnchanged(fork);
      });

      test(`limit: ${what}`, async () => {
        const sandbox = await createWhereSupported(engine, engine.capabilities.limits.diskMiB, {
          limits: { diskMiB: 16 },
        });
        if (sandbox === undefined) return;
        await using _closing = sandbox;
        await sandbox.writeFile("file", "before");
        const mark = uniqueWord();
        const filling =
          "(while test ! -e go; do sleep 0.05; done; exec head -c 200M /dev/zero > big) & sleep 0.3; touch go;";
        const stopped = expectCode(start(sandbox, `${filling} ${script}`, mark), "LIMIT");
        await waitForProcesses(mark, processes);
        const error = await stopped;
        expect(await processesWith(mark)).toEqual([]);
        expectPartial(error);
        await expectUnchanged(sandbox);
      });

      test(`the command's own end: ${what}`, async () => {
        const sandbox = await prepared.fork();
        const mark = uniqueWord();
        const result = await sandbox.exec(`(${script}) > /dev/null 2>&1 & sleep 0.3; echo ended; exit 7`, {
          env: { FORKBOX_TEST_MARK: mark },
        });
        expect(await processesWith(mark)).toEqual([]);
        expect(result).toMatchObject({ exitCode: 7, stdout: "ended\n" });
      });
    }

    test("a child that holds the streams open does not hold the result", async () => {
      const sandbox = await prepared.fork();
      const mark = uniqueWord();
      const result = await sandbox.exec("sleep 1000 & setsid sleep 1000 & echo ended", {
        env: { FORKBOX_TEST_MARK: mark },
      });
      expect(await processesWith(mark)).toEqual([]);
      expect(result).toMatchObject({ exitCode: 0, stdout: "ended\n" });
    });

    test("a reader that is given an endless stream is stopped by its deadline", async () => {
      const sandbox = await prepared.fork();
      const mark = uniqueWord();
      let ended = false;
      async function* endless() {
        try {
          for (;;) yield new Uint8Array(65_536);
        } finally {
          ended = true;
        }
      }
      const reading = start(sandbox, "cat > /dev/null", mark, {
        stdin: endless(),
        timeoutMs: engine.deadlineMs,
      });
      await expectCode(reading, "TIMEOUT");
      expect(await processesWith(mark)).toEqual([]);
      await expectUnchanged(sandbox);
      expect(ended).toBe(true);
    });

    test("ten sandboxes closed while each runs leave nothing alive", async () => {
      const mark = uniqueWord();
      const sandboxes = await Promise.all(Array.from({ length: 10 }, () => prepared.fork()));
      const stopped = sandboxes.map((sandbox) => expectCode(start(sandbox, "sleep 1000", mark), "CLOSED"));
      await waitForProcesses(mark, 10);
      await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
      expect(await processesWith(mark)).toEqual([]);
      await Promise.all(stopped);
    });
  });
}
