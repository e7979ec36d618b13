import { describe, expect, test } from "vitest";
import type { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { processesWith, waitForArguments, waitForProcesses } from "../support/host-processes.js";
import { createWhereSupported, prepare } from "../support/prepared.js";
import { uniqueNumber, uniqueWord } from "../support/scratch.js";

/**
 * Ways to outlive a kill. `script` gets two numbers that are nobody else's and gives them to the processes that
 * must have been seen alive before a stop counts, as one of their arguments: `alive` of them.
 */
const stubborn: { what: string; script: (one: string, two: string) => string; alive: 1 | 2 }[] = [
  { what: "a plain sleep", script: (one) => `sleep ${one}`, alive: 1 },
  {
    what: "a child in a session of its own",
    script: (one, two) => `setsid sleep ${one} & sleep ${two}`,
    alive: 2,
  },
  {
    what: "a double-forked child whose parent is gone",
    script: (one, two) => `( ( setsid sh -c 'while :; do sleep 1; done' ${one} & ) & ); sleep ${two}`,
    alive: 2,
  },
  {
    what: "processes that ignore SIGTERM, SIGINT and SIGHUP",
    script: (one, two) => {
      const deaf = "trap : TERM INT HUP; while :; do sleep 1; done";
      return `sh -c '${deaf}' ${one} & trap '' TERM INT HUP; sh -c '${deaf}' ${two}`;
    },
    alive: 2,
  },
  {
    what: "a process that closed its streams",
    script: (one) => `exec <&- >&- 2>&-; sleep ${one}`,
    alive: 1,
  },
  { what: "a flood of output", script: (one) => `yes ${one}`, alive: 1 },
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

    for (const { what, script, alive } of stubborn) {
      const make = () => {
        const words = [uniqueNumber(), uniqueNumber()] as const;
        return {
          mark: uniqueWord(),
          run: script(...words),
          up: () => waitForArguments(words.slice(0, alive)),
        };
      };

      test(`timeout: ${what}`, async () => {
        const sandbox = await prepared.fork();
        const { mark, run, up } = make();
        const stopped = expectCode(
          start(sandbox, run, mark, { timeoutMs: engine.deadlineMs * 2 }),
          "TIMEOUT",
        );
        await up();
        const error = await stopped;
        expect(await processesWith(mark)).toEqual([]);
        expectPartial(error);
        await expectUnchanged(sandbox);
      });

      test(`abort: ${what}`, async () => {
        const sandbox = await prepared.fork();
        const { mark, run, up } = make();
        const controller = new AbortController();
        const stopped = expectCode(start(sandbox, run, mark, { signal: controller.signal }), "ABORTED");
        await up();
        controller.abort();
        const error = await stopped;
        expect(await processesWith(mark)).toEqual([]);
        expectPartial(error);
        await expectUnchanged(sandbox);
      });

      test(`close: ${what}`, async () => {
        const sandbox = await prepared.fork();
        await using fork = await sandbox.fork();
        const { mark, run, up } = make();
        let aliveAtRejection: unknown;
        const stopped = expectCode(start(sandbox, run, mark), "CLOSED").then(async (error) => {
          aliveAtRejection = await processesWith(mark);
          return error;
        });
        await up();
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
        const { mark, run, up } = make();
        // Its input opens when all is up: only then does it fill the disk.
        const filling = "(read go <&3; exec head -c 200M /dev/zero > big) 3<&0 &";
        const stopped = expectCode(
          start(sandbox, `${filling} ${run}`, mark, { stdin: lineAfter(up()) }),
          "LIMIT",
        );
        const error = await stopped;
        expect(await processesWith(mark)).toEqual([]);
        expectPartial(error);
        await expectUnchanged(sandbox);
      });

      test(`the command's own end: ${what}`, async () => {
        const sandbox = await prepared.fork();
        const { mark, run, up } = make();
        const result = await sandbox.exec(`(${run}) > /dev/null 2>&1 & read go; echo ended; exit 7`, {
          env: { FORKBOX_TEST_MARK: mark },
          stdin: lineAfter(up()),
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

    test("nor does one whose name looks like a line of numbers", async () => {
      const sandbox = await prepared.fork();
      const named = Array.from({ length: 60 }, (_, pid) => `"/tmp/a b ${pid} c" 1000 &`).join(" ");
      await sandbox.exec(
        'for i in $(seq 0 59); do cp /bin/sleep "/tmp/a b $i c"; done; cp /bin/sleep "/tmp/x) S 1 ("',
      );
      const result = await sandbox.exec(`${named} "/tmp/x) S 1 (" 1000 & echo ended`, { timeoutMs: 30_000 });
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

    test("a stdin that fails while its command runs stops that", async () => {
      const sandbox = await prepared.fork();
      const mark = uniqueWord();
      async function* failing() {
        yield "go\n";
        await waitForProcesses(mark, 1);
        throw new Error("no more input");
      }
      await expectCode(start(sandbox, "cat; sleep 1000", mark, { stdin: failing() }), "ABORTED");
      expect(await processesWith(mark)).toEqual([]);
      await expectUnchanged(sandbox);
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

/** A line of input that comes when something has happened. */
async function* lineAfter(happened: Promise<void>): AsyncGenerator<string> {
  await happened;
  yield "go\n";
}
