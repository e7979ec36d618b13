import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { hostDirectory } from "../support/scratch.js";

/** The cases of the document the project started from, under their own names. */
export function describeSeed(engine: EngineUnderTest): void {
  describe("seed", () => {
    const create = (options = {}) => Sandbox.create({ ...engine.options, ...options });

    test("TestDaggerSandbox_RefreshFromHost: a host file is read in the sandbox", async () => {
      const tmpDir = await hostDirectory();
      await writeFile(join(tmpDir, "test.txt"), "host content", { mode: 0o644 });
      await using sandbox = await create();
      await sandbox.refreshFromHost(tmpDir, "/workspace");
      expect(await sandbox.readTextFile("test.txt")).toBe("host content");
    });

    test("TestDaggerSandbox_ExportDirectory: a sandbox file is read on the host", async () => {
      await using sandbox = await create();
      await sandbox.writeFile("output.txt", "result data");
      const tmpDir = await hostDirectory();
      await sandbox.exportDirectory("/workspace", tmpDir);
      expect(await readFile(join(tmpDir, "output.txt"), "utf8")).toBe("result data");
    });

    test("TestDaggerSandbox_WithEnv: a command sees a variable", async () => {
      await using sandbox = await create();
      sandbox.withEnv("TEST_VAR", "test_value");
      expect((await sandbox.exec("echo $TEST_VAR")).stdout).toContain("test_value");
    });

    test("TestDaggerSandbox_WithEnvs: a command sees several variables", async () => {
      await using sandbox = await create();
      sandbox.withEnvs({ DATABRICKS_HOST: "https://example.test", DATABRICKS_WAREHOUSE_ID: "abc123" });
      const { stdout } = await sandbox.exec("echo $DATABRICKS_HOST $DATABRICKS_WAREHOUSE_ID");
      expect(stdout).toBe("https://example.test abc123\n");
    });

    test("TestDaggerSandbox_Fork: a fork reads what its parent wrote and its writes stay its own", async () => {
      await using original = await create();
      await original.writeFile("base.txt", "base content");
      await using forked = await original.fork();
      expect(await forked.readTextFile("base.txt")).toBe("base content");
      await forked.writeFile("base.txt", "changed");
      await forked.exec("touch only-in-fork");
      expect(await original.readTextFile("base.txt")).toBe("base content");
      expect(await original.stat("only-in-fork")).toBeUndefined();
    });

    test("TestDaggerSandbox_ExecWithTimeout: the sandbox's own timeout is DeadlineExceeded", async () => {
      await using sandbox = await create({ timeoutMs: 2000 });
      const error = await expectCode(sandbox.execWithTimeout("sleep 5"), "TIMEOUT");
      expect(error.operation).toBe("execWithTimeout");
    });

    test("TestDaggerSandbox_Close: a closed sandbox runs nothing more, and closing again is fine", async () => {
      const sandbox = await create();
      await sandbox.close();
      await sandbox.close();
      await expectCode(sandbox.exec("true"), "CLOSED");
    });
  });
}
