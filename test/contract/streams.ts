import { describe, expect, test } from "vitest";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { processesWith } from "../support/host-processes.js";
import { prepare } from "../support/prepared.js";
import { uniqueWord } from "../support/scratch.js";

/** A command's output as it comes. */
export function describeStreams(engine: EngineUnderTest): void {
  describe("streams", () => {
    const prepared = prepare(engine);
    const live = engine.capabilities.liveOutput === "bytes";

    test("both streams come in pieces, and the result can be awaited, before or after", async () => {
      const sandbox = await prepared.fork();
      const stream = sandbox.stream("echo out; echo err >&2; echo x > file; exit 3");
      const seen = { stdout: "", stderr: "" };
      for await (const { stream: name, text } of stream) seen[name] += text;
      expect(seen).toEqual({ stdout: "out\n", stderr: "err\n" });
      expect(await stream).toMatchObject({ exitCode: 3, stdout: "out\n", stderr: "err\n" });
      expect(await sandbox.stream("cat file")).toMatchObject({ exitCode: 0, stdout: "x\n" });
    });

    test("leaving the loop stops the command, and nothing changes", async () => {
      const mark = uniqueWord();
      const sandbox = await prepared.fork();
      const stream = sandbox.stream("echo 1 > file; while :; do echo on; sleep 0.02; done", {
        env: { MARK: mark },
      });
      for await (const { text } of stream) if (text.includes("on")) break;
      expect(await processesWith(mark)).toEqual([]);
      await expectCode(Promise.resolve(stream), "ABORTED");
      expect(await sandbox.stat("file")).toBeUndefined();
    });

    test("what stops the command is thrown in the loop", async () => {
      const sandbox = await prepared.fork();
      const read = async () => {
        for await (const _ of sandbox.stream("echo on; sleep 1000", { timeoutMs: engine.deadlineMs }));
      };
      await expectCode(read(), "TIMEOUT");
      await expectCode(Promise.resolve(sandbox.stream("true", { cwd: "nowhere" })), "NOT_FOUND");
      await expectCode(
        Promise.resolve(sandbox.stream("true", { encoding: "bytes" } as object)),
        "INVALID_ARGUMENT",
      );
    });

    test("a command waits for a slow reader, who loses nothing", async (context) => {
      if (!live) return context.skip("live output of this engine is best effort");
      const sandbox = await prepared.fork();
      const stream = sandbox.stream("seq 1 200000; echo done > done");
      let lines = 0;
      let longest = 0;
      for await (const { text } of stream) {
        lines += text.split("\n").length - 1;
        longest = Math.max(longest, text.length);
        if (lines < 30_000) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(lines).toBe(200_000);
      expect(longest).toBeLessThan(200_000);
      expect((await stream).exitCode).toBe(0);
    });

    test("secrets are redacted, and the queue goes on after it", async () => {
      const secret = uniqueWord("secret");
      const sandbox = await prepared.fork();
      let text = "";
      const stream = sandbox.stream('printf "$A"', { secrets: { A: secret } });
      const after = sandbox.exec("echo after");
      for await (const chunk of stream) text += chunk.text;
      expect(text).toBe("***");
      expect((await after).stdout).toBe("after\n");
    });
  });
}
