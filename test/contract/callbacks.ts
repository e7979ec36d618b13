import { describe, expect, test } from "vitest";
import { SandboxError } from "../../src/errors.js";
import type { EngineUnderTest } from "../support/engines.js";
import { rejection } from "../support/errors.js";
import { prepare } from "../support/prepared.js";

/** onStdout and onStderr. */
export function describeCallbacks(engine: EngineUnderTest): void {
  describe("output callbacks", () => {
    const prepared = prepare(engine);

    test("all text comes through them, each stream to its own, before the promise settles and none after", async () => {
      const sandbox = await prepared.fork();
      let [out, err, settled, late] = ["", "", false, 0];
      const result = await sandbox.exec("for i in 1 2 3; do echo out $i; echo err $i >&2; done", {
        onStdout: (chunk) => {
          out += chunk;
          if (settled) late++;
        },
        onStderr: (chunk) => {
          err += chunk;
          if (settled) late++;
        },
      });
      settled = true;
      expect({ out, err }).toEqual({ out: result.stdout, err: result.stderr });
      await sandbox.exec("true");
      expect(late).toBe(0);
    });

    test("output arrives while the command runs", async () => {
      const sandbox = await prepared.fork();
      let heard: (value: unknown) => void = () => undefined;
      const first = new Promise((resolve) => {
        heard = resolve;
      });
      async function* answer() {
        await first;
        yield "go\n";
      }
      // The command can only end because its first line was heard before its end.
      const { stdout } = await sandbox.exec("echo ready; read word; echo $word", {
        stdin: answer(),
        onStdout: heard,
      });
      expect(stdout).toBe("ready\ngo\n");
    });

    test("a character split over two writes is never split over two chunks of text", async () => {
      const sandbox = await prepared.fork();
      const chunks: string[] = [];
      await sandbox.exec("printf '\\342\\202'; sleep 0.1; printf '\\254\\n'", {
        onStdout: (chunk) => chunks.push(chunk),
      });
      expect(chunks.join("")).toBe("€\n");
      expect(chunks.join("|")).not.toContain("\ufffd");
    });

    test("with bytes they get bytes", async () => {
      const sandbox = await prepared.fork();
      const chunks: Uint8Array[] = [];
      await sandbox.exec("printf 'a\\n'", { encoding: "bytes", onStdout: (chunk) => chunks.push(chunk) });
      expect(Buffer.concat(chunks).toString()).toBe("a\n");
    });

    test("they are not awaited: reading a file in one waits for its turn and does not deadlock", async () => {
      const sandbox = await prepared.fork();
      let read: Promise<string> | undefined;
      await sandbox.exec("echo text > file; echo printed", {
        onStdout: async () => {
          read ??= sandbox.readTextFile("file");
          await read;
        },
      });
      expect(await read).toBe("text\n");
    });

    test("one that throws stops the command, which changes nothing, and is the error's cause", async () => {
      const sandbox = await prepared.fork();
      const thrown = new Error("from the callback");
      const error = await rejection(
        sandbox.exec("echo changed > file; echo printed; sleep 60", {
          onStdout: () => {
            throw thrown;
          },
        }),
      );
      expect(error).toBeInstanceOf(SandboxError);
      expect((error as SandboxError).cause).toBe(thrown);
      expect((error as SandboxError).stdout).toBe("printed\n");
      expect(await sandbox.stat("file")).toBeUndefined();
    });

    test.each([
      ["while the command runs", "echo changed > file; echo printed; sleep 60"],
      ["at its end", "echo changed > file; echo printed"],
    ])("one whose promise rejects %s stops it, and is the error's cause", async (_when, command) => {
      const sandbox = await prepared.fork();
      const thrown = new Error("from the callback");
      const error = await rejection(
        sandbox.exec(command, {
          onStdout: async () => {
            throw thrown;
          },
        }),
      );
      expect(error).toMatchObject({ code: "ABORTED", cause: thrown });
      expect(await sandbox.stat("file")).toBeUndefined();
    });

    test("one whose promise rejects when the command has ended long ago changes nothing any more", async () => {
      const sandbox = await prepared.fork();
      let reject: (error: Error) => void = () => undefined;
      const onStdout = () => new Promise<never>((_, no) => (reject = no));
      expect((await sandbox.exec("echo ok", { onStdout })).stdout).toBe("ok\n");
      reject(new Error("too late")); // the test runner fails on an unhandled rejection
      expect((await sandbox.exec("echo on")).stdout).toBe("on\n");
    });

    test("output of 5 MB comes through them whole", async () => {
      const sandbox = await prepared.fork();
      let length = 0;
      const { stdout } = await sandbox.exec("seq 700000", {
        onStdout: (chunk) => {
          length += chunk.length;
        },
      });
      expect(length).toBe(stdout.length);
    });
  });
}
