import { createReadStream } from "node:fs";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode, rejection } from "../support/errors.js";
import { prepare } from "../support/prepared.js";

/** How a command is started, what it is given, and what becomes of its exit code. */
export function describeExec(engine: EngineUnderTest): void {
  describe("exec", () => {
    const prepared = prepare(engine);

    test("a result has the exit code, both streams apart, the duration and no dropped bytes", async () => {
      const sandbox = await prepared.fork();
      const result = await sandbox.exec("echo out; echo err >&2");
      expect(result).toMatchObject({
        exitCode: 0,
        stdout: "out\n",
        stderr: "err\n",
        droppedBytes: { stdout: 0, stderr: 0 },
      });
      expect(result.durationMs).toBeGreaterThan(0);
    });

    test.each([1, 2, 42, 127, 128, 129, 137, 143, 191, 192, 255])(
      "exit code %i is a result, and what the command changed is kept",
      async (code) => {
        const sandbox = await prepared.fork();
        const result = await sandbox.exec(`echo kept > file; echo out; echo err >&2; exit ${code}`);
        expect(result).toMatchObject({ exitCode: code, stdout: "out\n", stderr: "err\n" });
        expect(await sandbox.readTextFile("file")).toBe("kept\n");
      },
    );

    test.each([
      ["KILL", 137],
      ["TERM", 143],
      ["SEGV", 139],
    ])("a command ended by SIG%s exits %i, and what it changed is kept", async (signal, code) => {
      const sandbox = await prepared.fork();
      const result = await sandbox.exec(`echo kept > file; echo out; kill -${signal} $$; sleep 60`);
      expect(result).toMatchObject({ exitCode: code, stdout: "out\n", stderr: "" });
      expect(await sandbox.readTextFile("file")).toBe("kept\n");
    });

    test.each([
      ["INT", 130],
      ["QUIT", 131],
    ])("SIG%s is not ignored: it ends a command, as it does in a terminal", async (signal, code) => {
      const sandbox = await prepared.fork();
      expect(await sandbox.exec(`kill -${signal} $$; echo survived`)).toMatchObject({
        exitCode: code,
        stdout: "",
      });
    });

    test("a list is a program and its arguments as they are: no shell reads them", async () => {
      const sandbox = await prepared.fork();
      const words = ["$HOME; *", "two\nlines", "", "-n", 'it\'s "quoted"', "käse €🙂", "\\n", "a  b"];
      const { stdout } = await sandbox.exec(["printf", "[%s]", ...words]);
      expect(stdout).toBe(words.map((word) => `[${word}]`).join(""));
    });

    test("a string is read by sh", async () => {
      const sandbox = await prepared.fork();
      expect((await sandbox.exec('A=1; echo "$A" | sed s/1/2/; echo `echo three`')).stdout).toBe(
        "2\nthree\n",
      );
    });

    test("a script of several lines that starts with a dash or a comment is run", async () => {
      const sandbox = await prepared.fork();
      expect((await sandbox.exec("# first\n\necho second\n")).stdout).toBe("second\n");
      expect((await sandbox.exec("-no-such-program")).exitCode).toBe(127);
    });

    test("a program that is not there is 127", async () => {
      const sandbox = await prepared.fork();
      const direct = await sandbox.exec(["no-such-program-here"]);
      expect(direct.exitCode).toBe(127);
      expect(direct.stderr).toContain("no-such-program-here");
      expect((await sandbox.exec(["/workspace/no-such-program"])).exitCode).toBe(127);
      expect((await sandbox.exec("no-such-program-here")).exitCode).toBe(127);
    });

    test("a program that can't be executed is 126", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("plain", "echo never\n");
      await sandbox.makeDirectory("directory");
      expect((await sandbox.exec(["/workspace/plain"])).exitCode).toBe(126);
      expect((await sandbox.exec(["./plain"])).exitCode).toBe(126);
      expect((await sandbox.exec(["/workspace/directory"])).exitCode).toBe(126);
      expect((await sandbox.exec("./plain")).exitCode).toBe(126);
    });

    test("a program named by a path is looked for from the cwd", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("bin/tool", "#!/bin/sh\necho from tool\n", { mode: 0o755 });
      expect((await sandbox.exec(["./tool"], { cwd: "bin" })).stdout).toBe("from tool\n");
    });

    test("commands start in the workdir, or in cwd, which may be relative to it", async () => {
      const sandbox = await prepared.fork();
      await sandbox.makeDirectory("sub/deeper");
      expect((await sandbox.exec("pwd")).stdout).toBe("/workspace\n");
      expect((await sandbox.exec("pwd", { cwd: "sub/deeper" })).stdout).toBe("/workspace/sub/deeper\n");
      expect((await sandbox.exec("pwd", { cwd: "/workspace/sub" })).stdout).toBe("/workspace/sub\n");
      expect((await sandbox.exec("pwd")).stdout).toBe("/workspace\n");
    });

    test("a missing cwd is NOT_FOUND, a file is NOT_A_DIRECTORY, and nothing changes", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("file", "text");
      const missing = await expectCode(
        sandbox.exec("touch /workspace/ran", { cwd: "no/where" }),
        "NOT_FOUND",
      );
      expect(missing.message).toContain("/workspace/no/where");
      await expectCode(sandbox.exec("touch /workspace/ran", { cwd: "file" }), "NOT_A_DIRECTORY");
      expect((await sandbox.listDirectory("/workspace")).map((entry) => entry.name)).toEqual(["file"]);
    });

    test("without stdin a command reads an end of file at once", async () => {
      const sandbox = await prepared.fork();
      expect((await sandbox.exec("cat; echo end")).stdout).toBe("end\n");
    });

    test.each([
      ["a string", () => "käse\n"],
      ["bytes", () => new TextEncoder().encode("käse\n")],
      [
        "an async iterable of text and bytes",
        async function* () {
          yield "kä";
          yield new TextEncoder().encode("se\n");
        },
      ],
      [
        "a web stream",
        () =>
          new ReadableStream<Uint8Array>({
            start(controller) {
              controller.enqueue(new TextEncoder().encode("käse\n"));
              controller.close();
            },
          }),
      ],
    ])("stdin can be %s", async (_what, stdin) => {
      const sandbox = await prepared.fork();
      expect((await sandbox.exec("cat; echo end", { stdin: stdin() })).stdout).toBe("käse\nend\n");
    });

    test.each([
      ["a file that is missing", () => createReadStream("/no/such/file")],
      [
        "one that was destroyed before",
        () => new PassThrough().destroy(new Error("gone")).on("error", () => {}),
      ],
      [
        "a generator that throws",
        async function* () {
          yield "x";
          throw new Error("no more");
        },
      ],
      [
        "a stream of the web that errs",
        () => new ReadableStream({ start: (to) => to.error(new Error("no")) }),
      ],
      ["an iterator that is none", () => ({ [Symbol.asyncIterator]: () => ({}) }) as never],
    ])(
      "a stdin that fails rejects the call, also when it fails before its turn: %s",
      async (_what, stdin) => {
        const sandbox = await prepared.fork();
        const before = sandbox.exec("sleep 0.3");
        const error = await rejection(
          sandbox.exec("cat; touch ran", { stdin: stdin() as AsyncIterable<string> }),
        );
        expect(error).toMatchObject({ code: "ABORTED", cause: expect.any(Error) });
        await before;
        expect(await sandbox.stat("ran")).toBeUndefined();
      },
    );

    test("a stdin that fails after its command's end, or can't be closed, fails nothing", async () => {
      const sandbox = await prepared.fork();
      const stream = new PassThrough();
      expect((await sandbox.exec("echo ok", { stdin: stream })).stdout).toBe("ok\n");
      stream.destroy(new Error("too late"));
      const stuck = {
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise<IteratorResult<string>>(() => undefined),
          return: () => Promise.reject(new Error("can't be closed")),
        }),
      };
      expect((await sandbox.exec("echo ok", { stdin: stuck })).stdout).toBe("ok\n");
      expect((await sandbox.exec("echo on")).stdout).toBe("on\n");
    });

    test("a Blob is written, and read as stdin, as its bytes", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("blob", new Blob(["kä", "se"]));
      expect(await sandbox.readTextFile("blob")).toBe("käse");
      expect((await sandbox.exec("cat", { stdin: new Blob(["käse"]) })).stdout).toBe("käse");
    });

    test("a command that leaves a large stdin unread ends with its own exit code", async () => {
      const sandbox = await prepared.fork();
      const stdin = new Uint8Array(4 * 1024 * 1024);
      expect((await sandbox.exec("exit 3", { stdin })).exitCode).toBe(3);
      expect((await sandbox.exec("wc -c", { stdin })).stdout.trim()).toBe(String(stdin.length));
    });

    test("a command that ends does not wait for a stdin that never does", async () => {
      const sandbox = await prepared.fork();
      async function* endless() {
        yield "first\n";
        await new Promise(() => undefined);
      }
      expect((await sandbox.exec("read line; echo got $line", { stdin: endless() })).stdout).toBe(
        "got first\n",
      );
    });

    test("an option's env is seen by that command only and wins over the sandbox's", async () => {
      const sandbox = await prepared.fork();
      sandbox.withEnvs({ ONE: "sandbox", TWO: "sandbox" });
      expect((await sandbox.exec("echo $ONE $TWO", { env: { ONE: "option" } })).stdout).toBe(
        "option sandbox\n",
      );
      expect((await sandbox.exec("echo $ONE $TWO")).stdout).toBe("sandbox sandbox\n");
    });

    test("values of variables arrive as they are", async () => {
      const sandbox = await prepared.fork();
      const value = ' two  spaces, it\'s "x" $HOME `id`\nnext line = käse \\ ';
      expect((await sandbox.exec(["printenv", "ODD"], { env: { ODD: value } })).stdout).toBe(`${value}\n`);
      expect((await sandbox.exec("env | grep '^EMPTY='", { env: { EMPTY: "" } })).stdout).toBe("EMPTY=\n");
    });

    test("a variable reaches a command whatever its name, also through a shell that could not name it", async () => {
      const sandbox = await prepared.fork();
      const env = { "my.name": "dots", "with-dash": "dash", "1st": "digit" };
      const names = Object.keys(env);
      const expected = { stdout: "dots\ndash\ndigit\n", exitCode: 0 };
      expect(await sandbox.exec(["printenv", ...names], { env })).toMatchObject(expected);
      // Engines look for bash where the image's sh drops such names; an image without it can't have them.
      const { exitCode } = await sandbox.exec("command -v bash");
      if (engine.name !== "local" || exitCode !== 0) return;
      expect(await sandbox.exec(`printenv ${names.join(" ")}`, { env })).toMatchObject(expected);
      const secrets = { "secret.name": "the secret of a name with a dot" };
      const script = 'test "$(printenv secret.name | wc -c)" = 32; echo "$? $0"; cat /proc/*/cmdline';
      const { stdout } = await sandbox.exec(script, { secrets });
      expect(stdout).toMatch(/^0 \/bin\/sh\n/);
      expect(stdout).not.toContain("of a name with a dot");
    });

    test("the environment is built: PATH and HOME are there, the caller's variables are not", async () => {
      const sandbox = await prepared.fork();
      process.env.FORKBOX_TEST_CALLERS_OWN = "must not be seen";
      try {
        const { stdout } = await sandbox.exec("env");
        expect(stdout).toMatch(/^PATH=.*\/bin/m);
        expect(stdout).toMatch(/^HOME=\//m);
        expect(stdout).not.toContain("FORKBOX_TEST_CALLERS_OWN");
      } finally {
        delete process.env.FORKBOX_TEST_CALLERS_OWN;
      }
    });

    test("HOME exists, is writable and is kept", async () => {
      const sandbox = await prepared.fork();
      expect((await sandbox.exec('cd "$HOME" && echo mine > file')).exitCode).toBe(0);
      expect((await sandbox.exec('cat "$HOME/file"')).stdout).toBe("mine\n");
    });

    test("a background child of a command that ended neither holds the result nor lives on", async () => {
      const sandbox = await prepared.fork();
      const result = await sandbox.exec("sleep 100 & echo started; exit 5");
      expect(result).toMatchObject({ exitCode: 5, stdout: "started\n" });
      expect((await sandbox.exec("ps 2>/dev/null | grep -c '[s]leep 100' || true")).stdout).not.toContain(
        "1",
      );
    });

    test("what could not be started is an error, never an exit code, and changes nothing", async () => {
      const sandbox = await prepared.fork();
      // Longer than the kernel takes for one argument.
      const error = await expectCode(
        sandbox.exec(["true", "x".repeat(4 * 1024 * 1024)]),
        "ENGINE_ERROR",
        "INVALID_ARGUMENT",
        "LIMIT",
      );
      expect(error.message.length).toBeLessThan(10_000);
      expect((await sandbox.exec("echo still here")).stdout).toBe("still here\n");
    });

    test("the user of commands is an ordinary one unless root was asked for", async () => {
      const sandbox = await prepared.fork();
      if (engine.name === "local") expect((await sandbox.exec("id -u")).stdout).not.toBe("0\n");
    });
  });
}
