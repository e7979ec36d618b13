import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CreateOptions } from "../../src/options.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode, expectRefused } from "../support/errors.js";
import { hostDirectory, hostTree } from "../support/scratch.js";
import { boundary, commands, creations, files, okFile, paths } from "./bad-input-cases.js";

/** Bad input gets its typed error and changes nothing. */
export function describeBadInput(engine: EngineUnderTest): void {
  describe("bad input", () => {
    let sandbox: Sandbox;
    beforeAll(async () => {
      sandbox = await Sandbox.create({ ...engine.options, env: { STAYS: "as it was" } });
      await sandbox.writeFiles([
        { path: "file", data: "content" },
        { path: "dir/inner", data: "content" },
      ]);
    });
    afterAll(() => sandbox?.close());

    const state = async () =>
      (
        await sandbox.exec(
          "pwd; find /workspace /tmp -exec stat -c '%n %s %a %F' {} +; cat file dir/inner; env | sort",
        )
      ).stdout;

    test.each([...commands, ...paths, ...files, ...boundary])(
      "%s is %s and changes nothing",
      async (_what, code, act) => {
        const host = await hostDirectory();
        await writeFile(join(host, "f"), "host");
        await mkdir(join(host, "d"));
        const before = await state();
        const error = await expectRefused(() => act(sandbox, host), code);
        expect(error.message).not.toMatch(/undefined|\[object/);
        expect(await state()).toBe(before);
        expect(await hostTree(host)).toEqual(["d/", "f"]);
      },
    );

    test.each(creations)("creating with %s is %s", async (_what, code, options) => {
      await expectRefused(() => Sandbox.create({ ...engine.options, ...(options as CreateOptions) }), code);
    });

    test.each([
      ["a rootfs", { rootfs: "/no/such/directory" }],
      ["an archive", { archive: "/no/such/file.tar" }],
      ["a dockerfile", { dockerfile: "/no/such/directory" }],
    ])(
      "creating from %s that is missing is NOT_FOUND, or UNSUPPORTED where it can't be had",
      async (_what, base) => {
        await expectRefused(() => Sandbox.create({ ...engine.options, base }), "NOT_FOUND", "UNSUPPORTED");
      },
    );

    test("every operation of a closed sandbox is CLOSED", async () => {
      const closed = await sandbox.fork();
      await closed.close();
      const host = await hostDirectory();
      const operations: (() => unknown)[] = [
        () => closed.exec("true"),
        () => closed.execWithTimeout("true"),
        () => closed.writeFile("a", "x"),
        () => closed.writeFiles([okFile]),
        () => closed.makeDirectory("a"),
        () => closed.readFile("file"),
        () => closed.readTextFile("file"),
        () => closed.deleteFile("file"),
        () => closed.listDirectory("."),
        () => closed.stat("file"),
        () => closed.setWorkdir("dir"),
        () => closed.withEnv("A", "b"),
        () => closed.withEnvs({ A: "b" }),
        () => closed.withSecret("A", "secret-value"),
        () => closed.withSecrets({ A: "secret-value" }),
        () => closed.refreshFromHost(host, "/workspace"),
        () => closed.exportDirectory("/workspace", host),
        () => closed.fork(),
      ];
      for (const operate of operations) await expectRefused(operate, "CLOSED");
      expect(await hostTree(host)).toEqual([]);
      await expectCode(closed.exec("true"), "CLOSED");
      expect(await sandbox.readTextFile("file")).toBe("content");
    });
  });
}
