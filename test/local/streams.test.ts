import { describe, expect, onTestFinished, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { describeLocal, users } from "./base-sandbox.js";

/** Programs that read a file by name are given these for their input. */
const names = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

describeLocal("stdin opened by name", () => {
  describe.each(users)("as user %s", (user) => {
    const open = async () => {
      const sandbox = await Sandbox.create({ engine: "local", network: "off", user });
      onTestFinished(() => sandbox.close());
      return sandbox;
    };
    const run = { timeoutMs: 10_000 };

    test.each([
      ["a string", () => "käse\n"],
      ["bytes", () => Buffer.from("käse\n")],
      [
        "a stream",
        () =>
          (async function* () {
            yield "kä";
            await new Promise((resolve) => setTimeout(resolve, 200));
            yield "se\n";
          })(),
      ],
    ])("is the input that was given as %s", async (_what, stdin) => {
      const sandbox = await open();
      for (const name of names)
        expect(await sandbox.exec(["cat", name], { ...run, stdin: stdin() })).toMatchObject({
          ...{ exitCode: 0, stdout: "käse\n", stderr: "" },
        });
    });

    test("goes on where it was read to, and ends however often it is opened", async () => {
      const sandbox = await open();
      const command = "read line; echo first $line; cat /dev/stdin; cat; cat /dev/stdin; cat /proc/self/fd/0";
      const { stdout, stderr } = await sandbox.exec(command, { ...run, stdin: "1\n2\n3\n" });
      expect([stdout, stderr]).toEqual(["first 1\n2\n3\n", ""]);
    });

    test("can be larger than any pipe holds, also after a command that left as much unread", async () => {
      const sandbox = await open();
      const stdin = new Uint8Array(8 * 1024 * 1024).fill(120);
      expect(await sandbox.exec("exec true", { ...run, stdin })).toMatchObject({ exitCode: 0 });
      expect((await sandbox.exec("cat /dev/stdin | wc -c", { ...run, stdin })).stdout.trim()).toBe(
        String(stdin.length),
      );
    });

    test("is empty where none was given, and where what was given is empty", async () => {
      const sandbox = await open();
      for (const stdin of [undefined, ""])
        expect(
          await sandbox.exec("cat /dev/stdin; cat /proc/self/fd/0", {
            ...run,
            ...(stdin !== undefined && { stdin }),
          }),
        ).toMatchObject({
          ...{ exitCode: 0, stdout: "", stderr: "" },
        });
    });
  });
});

describeLocal("a command that closes its streams to its own user", () => {
  // Whose they are, an ordinary caller's command may; root's may not.
  test.each(["000", "200", "444"])("by chmod %s does no harm to the next", async (mode) => {
    await using sandbox = await Sandbox.create({ engine: "local", network: "off" });
    const close = `for name in stdin stdout stderr; do chmod ${mode} /dev/$name 2>/dev/null; done; echo closed`;
    for (let time = 0; time < 2; time++)
      expect((await sandbox.exec(close, { stdin: "" })).stdout).toBe("closed\n");
    const use = "cat /dev/stdin >/dev/stdout; echo complaint >/dev/stderr";
    const { stdout, stderr } = await sandbox.exec(use, { stdin: "input\n", timeoutMs: 10_000 });
    expect([stdout, stderr]).toEqual(["input\n", "complaint\n"]);
  });
});
