import { describe, expect, test } from "vitest";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { prepare } from "../support/prepared.js";

/** Links are resolved one by one, inside the snapshot, absolute ones against its root. */
export function describeLinks(engine: EngineUnderTest): void {
  describe("symbolic links", () => {
    const prepared = prepare(engine, {}, async (sandbox) => {
      await sandbox.writeFiles([
        { path: "real/file", data: "text" },
        { path: "/tmp/outside", data: "in tmp" },
      ]);
      await sandbox.exec(
        [
          "ln -s real/file relative",
          "ln -s /workspace/real/file absolute",
          "ln -s relative chain",
          "ln -s real dir",
          "ln -s ../../../../../../workspace/real/file above",
          "ln -s /tmp/outside far",
          "ln -s real/missing dangling",
          "ln -s loop loop",
          "ln -s ping pong",
          "ln -s pong ping",
          "ln -s / root",
        ].join("; "),
      );
    });

    test.each(["relative", "absolute", "chain", "dir/file", "above", "root/workspace/dir/file"])(
      "%s is read and written through, and stays a link",
      async (path) => {
        const sandbox = await prepared.fork();
        expect(await sandbox.readTextFile(path)).toBe("text");
        await sandbox.writeFile(path, "new");
        expect(
          (await sandbox.exec(`cat real/file; ls real; test -L ${path.split("/")[0]} && echo link`)).stdout,
        ).toBe("newfile\nlink\n");
      },
    );

    test.each([
      "l ",
      " l",
      "l\t",
      "l\n",
      "[l]",
      "l*",
      "l?",
      "#l",
      "!l",
      "\\l",
      "l{a,b}",
      "-l",
      "'l'",
      '"l"',
      "$l",
      "é",
    ])("a link named %j is read through, whatever else is there", async (name) => {
      const sandbox = await prepared.fork();
      await sandbox.exec(["ln", "-s", "--", "real/file", `./${name}`]);
      await sandbox.exec("mkdir la lb; ln -s far l; touch lx");
      expect(await sandbox.readTextFile(name)).toBe("text");
    });

    test("a link to somewhere else in the sandbox leads there, on write too", async () => {
      const sandbox = await prepared.fork();
      expect(await sandbox.readTextFile("far")).toBe("in tmp");
      await sandbox.writeFile("far", "changed");
      expect((await sandbox.exec("cat /tmp/outside; readlink far")).stdout).toBe("changed/tmp/outside\n");
    });

    test("writing to a dangling link creates what it names; reading one is NOT_FOUND", async () => {
      const sandbox = await prepared.fork();
      await expectCode(sandbox.readFile("dangling"), "NOT_FOUND");
      await sandbox.writeFile("dangling", "made");
      expect((await sandbox.exec("cat real/missing; readlink dangling")).stdout).toBe("madereal/missing\n");
    });

    test("a directory is made, listed and entered through a link to one", async () => {
      const sandbox = await prepared.fork();
      await sandbox.makeDirectory("dir/sub");
      await sandbox.writeFile("dir/sub/x", "");
      expect((await sandbox.listDirectory("root/workspace/real/sub")).map((entry) => entry.name)).toEqual([
        "x",
      ]);
      expect((await sandbox.exec("pwd -P", { cwd: "dir" })).stdout).toBe("/workspace/real\n");
      expect((await sandbox.exec("readlink dir")).stdout).toBe("real\n");
    });

    test("stat, list and delete do not follow the last link", async () => {
      const sandbox = await prepared.fork();
      expect(await sandbox.stat("dir")).toMatchObject({ name: "dir", type: "symlink" });
      expect(await sandbox.stat("dangling")).toMatchObject({ type: "symlink" });
      await expectCode(sandbox.listDirectory("dir"), "NOT_A_DIRECTORY");
      await sandbox.deleteFile("absolute");
      await sandbox.deleteFile("dir", { recursive: true });
      await sandbox.deleteFile("dangling");
      expect((await sandbox.exec("cat real/file; ls -d absolute dir 2>/dev/null")).stdout).toBe("text");
    });

    test("a loop is an error for all that follows it, and can be seen and deleted", async () => {
      const sandbox = await prepared.fork();
      for (const path of ["loop", "ping", "loop/below", "pong/below"]) {
        await expectCode(
          sandbox.readFile(path),
          "NOT_FOUND",
          "INVALID_ARGUMENT",
          "NOT_A_FILE",
          "NOT_A_DIRECTORY",
        );
        await expectCode(
          sandbox.writeFile(path, "x"),
          "NOT_FOUND",
          "INVALID_ARGUMENT",
          "NOT_A_FILE",
          "NOT_A_DIRECTORY",
        );
      }
      expect(await sandbox.stat("loop")).toMatchObject({ type: "symlink" });
      await sandbox.deleteFile("loop");
      expect((await sandbox.exec("ls -d loop ping")).stdout).toBe("ping\n");
    });

    test("a cwd and a workdir that are loops or dangling fail and change nothing", async () => {
      const sandbox = await prepared.fork();
      const codes = ["NOT_FOUND", "INVALID_ARGUMENT", "NOT_A_DIRECTORY"] as const;
      await expectCode(sandbox.exec("touch /workspace/ran", { cwd: "loop" }), ...codes);
      await expectCode(sandbox.exec("touch /workspace/ran", { cwd: "dangling" }), ...codes);
      await expectCode(sandbox.setWorkdir("loop"), ...codes);
      expect((await sandbox.exec("pwd; ls -d ran 2>&1 >/dev/null | wc -l")).stdout.trim()).toMatch(
        /^\/workspace\n\s*1$/,
      );
    });

    test("a link to the root deleted recursively takes the link only", async () => {
      const sandbox = await prepared.fork();
      await sandbox.deleteFile("root", { recursive: true });
      expect((await sandbox.exec("cat real/file /tmp/outside")).stdout).toBe("textin tmp");
    });
  });
}
