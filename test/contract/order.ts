import { describe, expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode, expectThrow } from "../support/errors.js";
import { prepare } from "../support/prepared.js";

/** One queue a sandbox: what was issued first comes first. */
export function describeOrder(engine: EngineUnderTest): void {
  describe("order", () => {
    const prepared = prepare(engine);

    test("two commands issued at once both keep their files, in order", async () => {
      const sandbox = await prepared.fork();
      await Promise.all([
        sandbox.exec("sleep 0.2; echo first >> log; touch a"),
        sandbox.exec("echo second >> log; touch b"),
      ]);
      expect(await sandbox.readTextFile("log")).toBe("first\nsecond\n");
      expect((await sandbox.listDirectory(".")).map((entry) => entry.name)).toEqual(["a", "b", "log"]);
    });

    test("fifty commands issued at once all keep their files, in order", async () => {
      const sandbox = await prepared.fork();
      const numbers = Array.from({ length: 50 }, (_, index) => index);
      const results = await Promise.all(
        numbers.map((number) => sandbox.exec(`echo ${number} >> log; touch f${number}; ls f* | wc -l`)),
      );
      expect(results.map((result) => Number(result.stdout))).toEqual(numbers.map((number) => number + 1));
      expect(await sandbox.readTextFile("log")).toBe(numbers.map((number) => `${number}\n`).join(""));
      expect(await sandbox.listDirectory(".")).toHaveLength(51);
    });

    test("reads, writes and commands see exactly what was issued before them", async () => {
      const sandbox = await prepared.fork();
      const steps = await Promise.all([
        sandbox.stat("file"),
        sandbox.writeFile("file", "one"),
        sandbox.readTextFile("file"),
        sandbox.exec("cat file; printf two > file"),
        sandbox.readTextFile("file"),
        sandbox.deleteFile("file"),
        sandbox.stat("file"),
        sandbox.exec("ls"),
      ]);
      expect([steps[0], steps[2], steps[3].stdout, steps[4], steps[6], steps[7].stdout]).toEqual([
        undefined,
        "one",
        "one",
        "two",
        undefined,
        "",
      ]);
    });

    test("setWorkdir takes its place and creates the directory", async () => {
      const sandbox = await prepared.fork();
      const before = sandbox.exec("sleep 0.1; pwd");
      const setting = sandbox.setWorkdir("/workspace/a/b");
      const after = sandbox.exec("pwd");
      const written = sandbox.writeFile("file", "relative");
      expect((await before).stdout).toBe("/workspace\n");
      expect((await after).stdout).toBe("/workspace/a/b\n");
      await Promise.all([setting, written]);
      expect(await sandbox.readTextFile("/workspace/a/b/file")).toBe("relative");
      await sandbox.setWorkdir("../c");
      expect((await sandbox.exec("pwd")).stdout).toBe("/workspace/a/c\n");
    });

    test("setWorkdir on a file fails, and the workdir stays", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("file", "");
      await expectCode(sandbox.setWorkdir("file"), "NOT_A_DIRECTORY");
      expect((await sandbox.exec("pwd")).stdout).toBe("/workspace\n");
    });

    test("withEnv and withSecret take their place and return the sandbox", async () => {
      const sandbox = await prepared.fork();
      const show = () => sandbox.exec('sleep 0.1; test -n "$S" && echo secret; echo env=$E');
      const before = show();
      expect(sandbox.withEnv("E", "1").withSecret("S", "a-secret-value")).toBe(sandbox);
      const after = show();
      expect(sandbox.withEnvs({ E: "2" }).withSecrets({ T: "another-secret" })).toBe(sandbox);
      const last = show();
      expect((await before).stdout).toBe("env=\n");
      expect((await after).stdout).toBe("secret\nenv=1\n");
      expect((await last).stdout).toBe("secret\nenv=2\n");
    });

    test("of an env and a secret with one name the later wins", async () => {
      const sandbox = await prepared.fork();
      const length = async () => (await sandbox.exec('printf %s "$X" | wc -c')).stdout.trim();
      sandbox.withEnv("X", "1").withSecret("X", "twelve-bytes");
      expect(await length()).toBe("12");
      sandbox.withEnv("X", "three");
      expect(await length()).toBe("5");
      expect((await sandbox.exec("echo $X")).stdout).toBe("three\n");
    });

    test("names and values that can't be valid throw at once and change nothing", async () => {
      const sandbox = await prepared.fork();
      for (const name of ["", "A=B", "A\0", "="]) {
        expectThrow(() => sandbox.withEnv(name, "value"), "INVALID_ARGUMENT");
        expectThrow(() => sandbox.withSecret(name, "value-of-it"), "INVALID_ARGUMENT");
        expectThrow(() => sandbox.withEnvs({ GOOD: "1", [name]: "value" }), "INVALID_ARGUMENT");
        expectThrow(
          () => sandbox.withSecrets({ GOOD: "good-value", [name]: "value-of-it" }),
          "INVALID_ARGUMENT",
        );
      }
      expectThrow(() => sandbox.withEnv("A", "nul\0inside"), "INVALID_ARGUMENT");
      expectThrow(() => sandbox.withEnv("A", 7 as unknown as string), "INVALID_ARGUMENT");
      expectThrow(() => sandbox.withSecret("A", ""), "INVALID_ARGUMENT");
      expect((await sandbox.exec("env")).stdout).not.toMatch(/^(GOOD|A)=/m);
    });

    test("a failed operation leaves the queue running", async () => {
      const sandbox = await prepared.fork();
      const results = await Promise.allSettled([
        sandbox.exec("echo 1 > one"),
        sandbox.readFile("no-such-file"),
        sandbox.exec("sleep 60", { timeoutMs: engine.deadlineMs }),
        sandbox.exec("echo 2 > two; ls"),
      ]);
      expect(results.map((result) => result.status)).toEqual([
        "fulfilled",
        "rejected",
        "rejected",
        "fulfilled",
      ]);
      expect((await sandbox.exec("ls")).stdout).toBe("one\ntwo\n");
    });

    test("what is aborted while it waits never runs", async () => {
      const sandbox = await prepared.fork();
      const controller = new AbortController();
      const reason = new Error("changed my mind");
      const running = sandbox.exec("sleep 0.3; echo ran > first");
      const waiting = [
        sandbox.exec("touch second", { signal: controller.signal }),
        sandbox.writeFile("third", "x", { signal: controller.signal }),
      ];
      controller.abort(reason);
      for (const promise of waiting) expect((await expectCode(promise, "ABORTED")).cause).toBe(reason);
      expect((await running).exitCode).toBe(0);
      expect((await sandbox.exec("ls")).stdout).toBe("first\n");
    });

    test("a signal that was aborted before the call runs nothing, on any operation", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("file", "before");
      const signal = AbortSignal.abort("no");
      const operations = [
        () => sandbox.exec("touch ran", { signal }),
        () => sandbox.execWithTimeout("touch ran", { signal }),
        () => sandbox.writeFile("file", "after", { signal }),
        () => sandbox.writeFiles([{ path: "file", data: "after" }], { signal }),
        () => sandbox.makeDirectory("ran", { signal }),
        () => sandbox.readFile("file", { signal }),
        () => sandbox.readTextFile("file", { signal }),
        () => sandbox.deleteFile("file", { signal }),
        () => sandbox.listDirectory(".", { signal }),
        () => sandbox.stat("file", { signal }),
        () => sandbox.refreshFromHost("/", "/workspace", { signal }),
        () => sandbox.exportDirectory("/workspace", "/tmp/forkbox-never", { signal }),
        () => Sandbox.create({ ...engine.options, signal }),
      ];
      for (const operate of operations) expect((await expectCode(operate(), "ABORTED")).cause).toBe("no");
      expect((await sandbox.exec("ls; cat file")).stdout).toBe("file\nbefore");
    });

    test("different sandboxes run in parallel: one waits for what another prints", async () => {
      const [one, two] = [await prepared.fork(), await prepared.fork()];
      let heard: (value: unknown) => void = () => undefined;
      const twoPrinted = new Promise((resolve) => {
        heard = resolve;
      });
      async function* afterTwo() {
        await twoPrinted;
        yield "go\n";
      }
      const first = one.exec("read word; echo $word", { stdin: afterTwo() });
      await two.exec("echo hello", { onStdout: heard });
      expect((await first).stdout).toBe("go\n");
    });

    test("close stops what runs and what waits, and closing twice is fine", async () => {
      const sandbox = await prepared.fork();
      const running = sandbox.exec("echo begun; sleep 60");
      const waiting = [sandbox.exec("true"), sandbox.readFile("file"), sandbox.fork()];
      const failures = [running, ...waiting].map((promise) => expectCode(promise, "CLOSED"));
      await Promise.all([sandbox.close(), sandbox.close()]);
      await Promise.all(failures);
    });
  });
}
