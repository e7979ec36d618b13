import { describe, expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { createWhereSupported } from "../support/prepared.js";
import { uniqueWord } from "../support/scratch.js";

/** Caches: directories that outlive sandboxes and lie outside of their snapshots. */
export function describeCaches(engine: EngineUnderTest): void {
  describe("caches", () => {
    const create = (caches: Record<string, string>, options = {}) =>
      createWhereSupported(engine, engine.capabilities.caches, { caches, ...options });

    test("what one sandbox leaves in a cache the next one finds, at whatever path, and others don't", async () => {
      const name = uniqueWord("cache");
      const first = await create({ [name]: "/cache/here" });
      if (first === undefined) return;
      await using _closing = first;
      expect((await first.exec("echo kept > /cache/here/file; ls -A /cache/here")).stdout).toBe("file\n");
      await first.close();
      await using second = await Sandbox.create({ ...engine.options, caches: { [name]: "/elsewhere" } });
      expect((await second.exec("cat /elsewhere/file; ls /cache 2>/dev/null")).stdout).toBe("kept\n");
      await using other = await Sandbox.create({
        ...engine.options,
        caches: { [uniqueWord("cache")]: "/cache/here" },
      });
      expect((await other.exec("ls -A /cache/here")).stdout).toBe("");
      await using none = await Sandbox.create(engine.options);
      expect((await none.exec("ls -A /cache/here 2>/dev/null; echo end")).stdout).toBe("end\n");
    });

    test("it is no part of the snapshot: a fork shares it, and a stopped command's changes stay", async () => {
      const name = uniqueWord("cache");
      const sandbox = await create({ [name]: "/cache" });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      await using fork = await sandbox.fork();
      await fork.exec("echo from the fork > /cache/file");
      expect((await sandbox.exec("cat /cache/file")).stdout).toBe("from the fork\n");
      const stopped = sandbox.exec("echo stopped > /cache/file; echo x > /workspace/file; sleep 60", {
        timeoutMs: engine.deadlineMs,
      });
      await expectCode(stopped, "TIMEOUT");
      expect((await sandbox.exec("cat /cache/file; ls /workspace")).stdout).toBe("stopped\n");
    });

    test("it stays the same, and its user's, however many commands and files come", async () => {
      const sandbox = await create({ [uniqueWord("cache")]: "/cache" });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      const rounds = Array.from({ length: 16 }, (_, index) => String(index));
      for (const round of rounds) {
        await sandbox.exec(`echo ${round} >> /cache/rounds && cp /cache/rounds copy-${round}`);
        await sandbox.writeFile("last", round);
      }
      expect(await sandbox.readTextFile("copy-15")).toBe(`${rounds.join("\n")}\n`);
      expect((await sandbox.exec("stat -c %u /cache/. /cache/rounds; id -u; cat last")).stdout).toMatch(
        /^(\d+)\n\1\n\1\n15$/,
      );
    });

    test("file operations in it are UNSUPPORTED, and around it they are not", async () => {
      const sandbox = await create({ [uniqueWord("cache")]: "/workspace/cache" });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      await sandbox.exec("echo x > cache/file; ln -s cache/file link");
      for (const operate of [
        () => sandbox.readFile("cache/file"),
        () => sandbox.readFile("link"),
        () => sandbox.writeFile("cache/new", "x"),
        () => sandbox.deleteFile("cache/file"),
        () => sandbox.listDirectory("cache"),
      ]) {
        await expectCode(operate(), "UNSUPPORTED");
      }
      await sandbox.writeFile("beside", "x");
      expect((await sandbox.exec("cat cache/file beside")).stdout).toBe("x\nx");
    });

    test("a sandbox that plants a link in its place does not lead the mount elsewhere", async () => {
      const name = uniqueWord("cache");
      const sandbox = await create({ [name]: "/workspace/sub/cache" });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      await sandbox.exec("echo x > sub/cache/file");
      await sandbox.exec(
        "mv sub moved 2>/dev/null || rm -rf sub; mkdir -p /tmp/trap/cache; ln -s /tmp/trap sub",
      );
      const tried = await sandbox.exec("ls sub/cache/").catch((error: { code: string }) => error);
      if ("stdout" in tried) expect(tried.stdout).not.toContain("file");
      else expect(tried.code).toBe("NOT_A_DIRECTORY");
    });
  });
}
