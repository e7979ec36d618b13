import { describe, expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { processesWith, waitForProcesses } from "../support/host-processes.js";
import { uniqueWord } from "../support/scratch.js";
import { get, hasServices, prepareServer } from "../support/serving.js";

/** How a service ends, what is left of it, and what is kept. */
export function describeServicesEnd(engine: EngineUnderTest): void {
  describe("the end of a service", () => {
    if (!hasServices(engine)) return;
    const prepared = prepareServer(engine);

    test("stop asks first, and when it resolves no process of it is alive", async () => {
      const mark = uniqueWord();
      const sandbox = await prepared.fork();
      const ask = `trap "echo asked; exit 5" TERM; setsid sleep 1000 & echo up; while :; do sleep 0.05; done`;
      const service = await sandbox.start(ask, { env: { MARK: mark }, ready: { log: /up/ } });
      await waitForProcesses(mark);
      await service.stop();
      expect(await processesWith(mark)).toEqual([]);
      expect(await service.exited).toEqual({ reason: "stopped", exitCode: 5 });
    });

    test("one that is stopped as soon as it is started has been asked, not killed", async () => {
      const sandbox = await prepared.fork();
      for (let time = 0; time < 5; time++) {
        const service = await sandbox.start("exec sleep 1000");
        await service.stop();
        const { error, ...end } = await service.exited;
        expect(error?.message).toBe(undefined);
        expect(end).toEqual({ reason: "stopped", exitCode: 143 });
      }
    });

    test("close ends it, and what waits for it", async () => {
      const mark = uniqueWord();
      const sandbox = await prepared.fork();
      const service = await sandbox.start('trap "" TERM; setsid sleep 1000 & sleep 1000', {
        env: { MARK: mark },
      });
      await waitForProcesses(mark);
      const waiting = expectCode(service.waitFor({ port: 80 }), "SERVICE_ENDED");
      await sandbox.close();
      expect(await processesWith(mark)).toEqual([]);
      expect(await service.exited).toEqual({ reason: "stopped" });
      await waiting;
      await expectCode(service.stop(), "CLOSED");
      await expectCode(sandbox.start("true"), "CLOSED");
    });

    test("closing, or aborting, while one is not ready yet leaves nothing of it", async () => {
      const mark = uniqueWord();
      const sandbox = await prepared.fork();
      const start = (signal?: AbortSignal) =>
        sandbox.start("sleep 1000", { env: { MARK: mark }, ready: { port: 80 }, ...(signal && { signal }) });
      const abort = new AbortController();
      const aborted = expectCode(start(abort.signal), "ABORTED");
      await waitForProcesses(mark);
      abort.abort(new Error("enough"));
      await aborted;
      expect(await processesWith(mark)).toEqual([]);
      const closed = expectCode(start(), "CLOSED");
      await waitForProcesses(mark);
      await sandbox.close();
      await closed;
      expect(await processesWith(mark)).toEqual([]);
    });

    test("an engine that is closed takes it along", async () => {
      const mark = uniqueWord();
      const own = engine.make();
      const sandbox = await Sandbox.create({ ...engine.options, engine: own });
      const service = await sandbox.start("sleep 1000", { env: { MARK: mark } });
      await waitForProcesses(mark);
      await own.close();
      expect(await service.exited).toMatchObject({ reason: "lost", error: { code: "ENGINE_LOST" } });
      expect(await processesWith(mark)).toEqual([]);
      await sandbox.close();
    });

    test("a callback that throws stops it, and says why", async () => {
      const sandbox = await prepared.fork();
      const why = new Error("the reader broke");
      const service = await sandbox.start("echo up; sleep 1000", {
        onStdout: () => {
          throw why;
        },
      });
      const end = await service.exited;
      expect(end).toMatchObject({ reason: "stopped", error: { code: "ABORTED" } });
      expect(end.error?.cause).toBe(why);
    });

    test("one that passes the sandbox's memory is killed, and the sandbox goes on", async (context) => {
      if (engine.capabilities.limits.memoryMiB !== true) return context.skip("no memory limit here");
      await using sandbox = await Sandbox.create({ ...engine.options, limits: { memoryMiB: 64 } });
      const service = await sandbox.start("echo x > file; tail /dev/zero");
      expect(await service.exited).toEqual({ reason: "memory" });
      await expectCode(service.stop({ keep: true }), "LIMIT");
      await expectCode(sandbox.start("tail /dev/zero", { ready: { port: 80 } }), "LIMIT");
      expect((await sandbox.exec("ls -A")).stdout).toBe("");
    });

    test("keep lays what it wrote over what was done meanwhile", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec("mkdir d; echo old > d/both; echo old > d/gone; echo old > d/replaced");
      const write =
        "echo service > d/both; rm d/gone; mkdir -p d/new e; echo service > d/new/s; echo service > e/s; echo up; exec sleep 1000";
      const service = await sandbox.start(write, { name: "writer", ready: { log: /up/ } });
      await sandbox.exec(
        "echo later > d/both; echo later > d/replaced; mkdir -p d/new e; echo later > d/new/l; echo later > e/l",
      );
      await service.stop({ keep: true });
      const show = "for f in $(find d e -type f | sort); do echo $f $(cat $f); done";
      const expected = [
        "d/both service",
        "d/new/l later",
        "d/new/s service",
        "d/replaced later",
        "e/l later",
        "e/s service",
      ];
      expect((await sandbox.exec(show)).stdout.trim().split("\n")).toEqual(expected);
      await using fork = await sandbox.fork();
      expect((await fork.exec(show)).stdout.trim().split("\n")).toEqual(expected);
      await fork.writeFile("d/both", "changed\n");
      expect(await sandbox.readTextFile("d/both")).toBe("service\n");
    });

    test("what one that ended by itself wrote can be kept, too; without keep it is gone", async () => {
      const sandbox = await prepared.fork();
      const kept = await sandbox.start("echo 1 > kept", { name: "a" });
      const dropped = await sandbox.start("echo 1 > dropped", { name: "b" });
      await Promise.all([kept.exited, dropped.exited]);
      await kept.stop({ keep: true });
      await dropped.stop();
      expect(await sandbox.readTextFile("kept")).toBe("1\n");
      expect(await sandbox.stat("dropped")).toBeUndefined();
    });

    test("one that does not end by itself is killed, and what it wrote is not kept", async () => {
      const mark = uniqueWord();
      const sandbox = await prepared.fork();
      const deaf = 'trap "" TERM; echo 1 > half; echo up; while :; do sleep 0.1; done';
      const service = await sandbox.start(deaf, { env: { MARK: mark }, ready: { log: /up/ } });
      await expectCode(service.stop({ keep: true }), "TIMEOUT");
      expect(await processesWith(mark)).toEqual([]);
      expect(await sandbox.stat("half")).toBeUndefined();
      expect((await sandbox.exec("echo on")).stdout).toBe("on\n");
    });

    test("many come and go, one after the other and together, and the port is free each time", async () => {
      const sandbox = await prepared.fork();
      for (let round = 0; round < 3; round++) {
        const web = await sandbox.start("node server.js 3000", { name: "web", ready: { port: 3000 } });
        const api = await sandbox.start("node server.js 3001", { name: "api", ready: { port: 3001 } });
        expect(await get(sandbox, `http://web:3000/${round}`, "http://api:3001/")).toBe(
          `served /${round}\nserved /\n`,
        );
        await web.stop();
        expect(await get(sandbox, "http://api:3001/left")).toBe("served /left\n");
        await api.stop();
      }
    });
  });
}
