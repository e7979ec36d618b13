import { describe, expect, test } from "vitest";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { prepare } from "../support/prepared.js";

/** readOnlyPaths: what the library's own writes may not touch. Commands are not held to it. */
export function describeReadOnlyPaths(engine: EngineUnderTest): void {
  describe("read-only paths", () => {
    const prepared = prepare(engine, { readOnlyPaths: ["locked/**", "*.lock", "/tmp/fixed"] }, (sandbox) =>
      sandbox.exec("mkdir -p locked/deep free; echo 1 | tee locked/deep/file free/file a.lock /tmp/fixed"),
    );

    test.each([
      "locked/deep/file",
      "/workspace/locked/new",
      "a.lock",
      "new.lock",
      "/tmp/fixed",
      "free/../locked/x",
    ])("%s can't be written, nor deleted", async (path) => {
      const sandbox = await prepared.fork();
      await expectCode(sandbox.writeFile(path, "2"), "READ_ONLY_PATH");
      await expectCode(
        sandbox.writeFiles([
          { path: "free/other", data: "2" },
          { path, data: "2" },
        ]),
        "READ_ONLY_PATH",
      );
      await expectCode(sandbox.deleteFile(path), "READ_ONLY_PATH", "NOT_FOUND");
      expect(await sandbox.stat("free/other")).toBeUndefined();
      expect((await sandbox.exec("cat locked/deep/file a.lock /tmp/fixed")).stdout).toBe("1\n1\n1\n");
    });

    test("they can't be reached through a link, nor deleted with a directory around them", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec("ln -s ../locked/deep/file free/link; ln -s ../locked free/dir");
      await expectCode(sandbox.writeFile("free/link", "2"), "READ_ONLY_PATH");
      await expectCode(sandbox.writeFile("free/dir/deep/file", "2"), "READ_ONLY_PATH");
      await expectCode(sandbox.deleteFile("locked", { recursive: true }), "READ_ONLY_PATH");
      expect(await sandbox.readTextFile("locked/deep/file")).toBe("1\n");
    });

    test("others can, and commands may write where they like", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("free/file", "2");
      await sandbox.deleteFile("free/file");
      await sandbox.writeFile("free/deep.lock", "the glob has no directory in it");
      expect((await sandbox.exec("echo 2 > locked/deep/file; cat locked/deep/file")).stdout).toBe("2\n");
    });
  });
}
