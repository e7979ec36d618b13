import { describe, expect, test } from "vitest";
import { everyByte, printfBytes } from "../support/bytes.js";
import type { EngineUnderTest } from "../support/engines.js";
import { prepare } from "../support/prepared.js";

/** What becomes of the bytes a command prints. */
export function describeOutput(engine: EngineUnderTest): void {
  describe("output", () => {
    const prepared = prepare(engine);
    const capped = prepare(engine, { limits: { outputBytes: 1000 } });

    test("text is decoded as UTF-8 across chunks, on both streams", async () => {
      const sandbox = await prepared.fork();
      // The three bytes of € and the four of 🙂, one at a time.
      const slow = String.raw`for b in 342 202 254 360 237 231 202; do printf "\\$b"; printf "\\$b" >&2; sleep 0.02; done`;
      const result = await sandbox.exec(slow);
      expect(result).toMatchObject({ exitCode: 0, stdout: "€🙂", stderr: "€🙂" });
    });

    test("bytes that are no UTF-8 become replacement characters in text and stay themselves in bytes", async () => {
      const sandbox = await prepared.fork();
      const command = printfBytes(everyByte);
      expect((await sandbox.exec("printf 'a\\377b'")).stdout).toBe("a\ufffdb");
      const result = await sandbox.exec(`${command}; ${command} >&2`, { encoding: "bytes" });
      expect(result.stdout).toEqual(everyByte);
      expect(result.stderr).toEqual(everyByte);
    });

    test("a byte order mark and NUL bytes are kept in text", async () => {
      const sandbox = await prepared.fork();
      expect((await sandbox.exec("printf '\\357\\273\\277a\\000b'")).stdout).toBe("\ufeffa\0b");
    });

    test("output without a newline at its end, and no output at all, come back as they are", async () => {
      const sandbox = await prepared.fork();
      expect((await sandbox.exec("printf x")).stdout).toBe("x");
      expect(await sandbox.exec("true")).toMatchObject({ stdout: "", stderr: "" });
    });

    test("a closed stdout or stderr is an empty one", async () => {
      const sandbox = await prepared.fork();
      expect(await sandbox.exec("exec >&- 2>&-; exit 4")).toMatchObject({
        exitCode: 4,
        stdout: "",
        stderr: "",
      });
    });

    test("megabytes on both streams at once arrive whole", async () => {
      const sandbox = await prepared.fork();
      const lines = 100_000;
      const { stdout, stderr, droppedBytes } = await sandbox.exec(`seq ${lines} & seq ${lines} >&2; wait`);
      const expected = Array.from({ length: lines }, (_, index) => `${index + 1}\n`).join("");
      expect(stdout === expected && stderr === expected).toBe(true);
      expect(droppedBytes).toEqual({ stdout: 0, stderr: 0 });
    });

    test("outputBytes keeps head and tail of each stream and counts what it dropped", async () => {
      const sandbox = await capped.fork();
      const result = await sandbox.exec("echo first; seq 10000; echo last; echo short >&2");
      const printed = "first\n".length + 48_894 + "last\n".length;
      expect(result.stdout.startsWith("first\n1\n2\n")).toBe(true);
      expect(result.stdout.endsWith("9999\n10000\nlast\n")).toBe(true);
      expect(result.droppedBytes.stdout).toBeGreaterThanOrEqual(printed - 1000);
      expect(result.droppedBytes.stdout).toBeLessThan(printed);
      expect(result).toMatchObject({ stderr: "short\n", droppedBytes: { stderr: 0 } });
    });

    test("kept and dropped bytes add up to what was printed", async () => {
      const sandbox = await capped.fork();
      const result = await sandbox.exec("seq 10000", { encoding: "bytes" });
      expect(result.droppedBytes.stdout).toBeGreaterThanOrEqual(48_894 - 1000);
      expect(keptBytes(result.stdout) + result.droppedBytes.stdout).toBe(48_894);
    });

    test("output of exactly the cap is kept whole", async () => {
      const sandbox = await capped.fork();
      const result = await sandbox.exec("head -c 1000 /dev/zero | tr '\\0' x");
      expect(result.stdout).toBe("x".repeat(1000));
      expect(result.droppedBytes.stdout).toBe(0);
    });

    test("the default cap is 10 MiB a stream", async () => {
      const sandbox = await prepared.fork();
      const total = 12 * 1024 * 1024;
      const result = await sandbox.exec(`head -c ${total} /dev/zero`, { encoding: "bytes" });
      expect(keptBytes(result.stdout)).toBe(10 * 1024 * 1024);
      expect(result.droppedBytes.stdout).toBe(2 * 1024 * 1024);
    });
  });
}

/** Without the line that says how much is missing. */
const keptBytes = (output: Uint8Array): number =>
  Buffer.from(output)
    .toString("latin1")
    .replace(/\n[^\n]{1,5}\d+ bytes dropped[^\n]{1,5}\n/, "").length;
