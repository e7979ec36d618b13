import { describe, expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode, expectThrow } from "../support/errors.js";
import { processesWith } from "../support/host-processes.js";
import { uniqueWord } from "../support/scratch.js";
import { get, hasServices, prepareServer } from "../support/serving.js";

/** A fork has the same services, of its own. */
export function describeServicesInForks(engine: EngineUnderTest): void {
  describe("services in forks", () => {
    if (!hasServices(engine)) return;
    const prepared = prepareServer(engine);
    const start = { name: "web", ready: { port: 3000 }, publish: true } as const;

    test("each fork has its own, on the same port, with the data of the start", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("asked", "before\n");
      await sandbox.start("node server.js 3000", start);
      await get(sandbox, "http://web:3000/parent");
      await sandbox.exec("rm server.js asked");
      const forks = await Promise.all([1, 2, 3].map(() => sandbox.fork()));
      try {
        const answers = forks.map((fork, i) =>
          get(fork, `http://web:3000/fork-${i}`, "http://localhost:3000/"),
        );
        expect(await Promise.all(answers)).toEqual([0, 1, 2].map((i) => `served /fork-${i}\nserved /\n`));
        for (const [i, fork] of forks.entries()) {
          await fork.service("web").stop({ keep: true });
          expect(await fork.readTextFile("asked")).toBe(`before\n/fork-${i}\n/\n`);
        }
        expect(await get(sandbox, "http://web:3000/still")).toBe("served /still\n");
      } finally {
        await Promise.all(forks.map((fork) => fork.close()));
      }
    });

    test("nothing runs in a fork before it is needed; a connection to its url is a need", async () => {
      const mark = uniqueWord();
      const sandbox = await prepared.fork();
      const parent = await sandbox.start("node server.js 3000", { ...start, env: { MARK: mark } });
      const before = (await processesWith(mark)).length;
      await using fork = await sandbox.fork();
      await fork.writeFile("file", "x");
      const service = fork.service("web");
      expect((await processesWith(mark)).length).toBe(before);
      expect(service.url).not.toBe(parent.url);
      expect(await (await fetch(`${service.url}/lazy`)).text()).toBe("served /lazy\n");
      await parent.stop();
      await sandbox.close();
      expect(await (await fetch(`${service.url}/alone`)).text()).toBe("served /alone\n");
      await fork.close();
      expect(await processesWith(mark)).toEqual([]);
    });

    test("waitFor starts it; a fork of a fork has it; one without services has none", async () => {
      const sandbox = await prepared.fork();
      await sandbox.start("node server.js 3000", start);
      await using bare = await sandbox.fork({ services: false });
      expectThrow(() => bare.service("web"), "NOT_FOUND");
      expect(await get(bare, "http://localhost:3000/")).toContain("ECONNREFUSED");
      await using fork = await sandbox.fork();
      await using grandchild = await fork.fork();
      const own = grandchild.service("web");
      await own.waitFor({ log: /listening/ });
      expect(await get(grandchild, "http://web:3000/")).toBe("served /\n");
      const unneeded = fork.service("web");
      await unneeded.stop({ keep: true });
      expect(await unneeded.exited).toEqual({ reason: "stopped" });
      await expectCode(unneeded.waitFor({ port: 3000 }), "SERVICE_ENDED");
      expect(await get(fork, "http://web:3000/")).toContain("failed");
    });

    test("one that can't be started fails the command that needed it, and the next goes on", async () => {
      await using sandbox = await Sandbox.create({
        ...engine.options,
        caches: { [uniqueWord("flag")]: "/flag" },
      });
      const unlessFlagged = "[ ! -e /flag/raised ] || { echo flagged; exit 9; }; echo up; exec sleep 1000";
      await sandbox.start(unlessFlagged, { name: "fussy", ready: { log: /up/ } });
      await sandbox.exec("touch /flag/raised");
      await using fork = await sandbox.fork();
      const error = await expectCode(fork.exec("echo on"), "SERVICE_ENDED");
      expect(error.message).toMatch(/fussy.*exit code 9[\s\S]*flagged/);
      expect((await fork.exec("echo on")).stdout).toBe("on\n");
      expect(await fork.service("fussy").exited).toEqual({ reason: "exited", exitCode: 9 });
    });

    test("one that was stopped is in no later fork", async () => {
      const sandbox = await prepared.fork();
      await using before = await sandbox.fork();
      const service = await sandbox.start("node server.js 3000", start);
      await service.stop();
      await using after = await sandbox.fork();
      for (const fork of [before, after]) expectThrow(() => fork.service("web"), "NOT_FOUND");
    });
  });
}
