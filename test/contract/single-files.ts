import { chmod, lstat, readFile, readlink, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode, expectRefused } from "../support/errors.js";
import { prepare } from "../support/prepared.js";
import { hostFiles, hostTree, uniqueWord } from "../support/scratch.js";

/** What is done with one file. */
export function describeSingleFiles(engine: EngineUnderTest): void {
  describe("single files", () => {
    const prepared = prepare(engine);

    test("appendFile writes at the end, and makes what is missing", async () => {
      const sandbox = await prepared.fork();
      await sandbox.appendFile("d/log", "one\n");
      await sandbox.exec("ln -s log d/link; chmod 600 d/log");
      await sandbox.appendFile("d/link", Buffer.from("two\n"));
      expect(await sandbox.readTextFile("d/log")).toBe("one\ntwo\n");
      expect((await sandbox.stat("d/log"))?.mode).toBe(0o600);
      await expectCode(sandbox.appendFile("d", "x"), "NOT_A_FILE");
    });

    test("copyFile and moveFile keep bytes and mode", async () => {
      const sandbox = await prepared.fork();
      const bytes = Uint8Array.from({ length: 300 }, (_, i) => i);
      await sandbox.writeFile("a", bytes, { mode: 0o750 });
      await sandbox.copyFile("a", "deep/b");
      await sandbox.moveFile("a", "deep/c");
      expect(await sandbox.stat("a")).toBeUndefined();
      for (const path of ["deep/b", "deep/c"]) {
        expect(await sandbox.readFile(path)).toEqual(bytes);
        expect((await sandbox.stat(path))?.mode).toBe(0o750);
      }
    });

    test("a file that is moved or copied onto itself, by whatever name, is as it was", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec("echo x > f; ln -s f l; ln -s . here");
      await sandbox.copyFile("f", "l");
      await sandbox.moveFile("f", "here/f");
      expect(await sandbox.readTextFile("f")).toBe("x\n");
      await sandbox.moveFile("f", "l");
      expect(await sandbox.stat("f")).toBeUndefined();
      expect(await sandbox.stat("l")).toMatchObject({ type: "file", size: 2 });
    });

    test("what is no file, or may not be written, is refused, and nothing changes", async () => {
      await using sandbox = await Sandbox.create({ ...engine.options, readOnlyPaths: ["locked"] });
      await sandbox.exec("mkdir d; echo x > f; echo y > locked; ln -s f l");
      await expectCode(sandbox.moveFile("d", "e"), "NOT_A_FILE");
      await expectCode(sandbox.moveFile("l", "e"), "NOT_A_FILE");
      await expectCode(sandbox.copyFile("d", "e"), "NOT_A_FILE");
      await expectCode(sandbox.copyFile("none", "e"), "NOT_FOUND");
      await expectCode(sandbox.moveFile("none", "e"), "NOT_FOUND");
      for (const act of ["copyFile", "moveFile"] as const)
        await expectCode(sandbox[act]("f", "locked"), "READ_ONLY_PATH");
      await expectCode(sandbox.moveFile("locked", "e"), "READ_ONLY_PATH");
      await expectCode(sandbox.appendFile("locked", "x"), "READ_ONLY_PATH");
      await expectCode(sandbox.moveFile("f", "d"), "NOT_A_FILE");
      expect((await sandbox.exec("cat f locked; ls")).stdout).toBe("x\ny\nd\nf\nl\nlocked\n");
    });

    test("a part of a file is read, and nothing past its end", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("f", "0123456789");
      const part = async (options: object) => Buffer.from(await sandbox.readFile("f", options)).toString();
      expect(await part({ offset: 3, length: 4 })).toBe("3456");
      expect(await part({ offset: 8 })).toBe("89");
      expect(await part({ length: 2 })).toBe("01");
      expect(await part({ offset: 10 })).toBe("");
      expect(await part({ offset: 2 ** 40, length: 2 ** 40 })).toBe("");
      await expectRefused(() => sandbox.readFile("f", { offset: -1 }), "INVALID_ARGUMENT");
      await expectRefused(() => sandbox.readFile("f", { length: 1.5 }), "INVALID_ARGUMENT");
    });

    test("a file is streamed as it was when its turn came, whatever happens meanwhile", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec("head -c 9000000 /dev/zero > f");
      const stream = sandbox.readFileStream("f", { offset: 1, length: 8_900_000 });
      let bytes = 0;
      for await (const piece of stream) {
        if (bytes === 0) await sandbox.writeFile("f", "short");
        expect(piece.some((byte) => byte !== 0)).toBe(false);
        bytes += piece.length;
      }
      expect(bytes).toBe(8_900_000);
      expect(await sandbox.readTextFile("f")).toBe("short");
      await expectCode(sandbox.readFileStream("none").next(), "NOT_FOUND");
      await expectCode(sandbox.readFileStream("/").next(), "NOT_A_FILE");
    });

    test("stat and listings say when a file was changed, where the engine can tell", async (context) => {
      const sandbox = await prepared.fork();
      await sandbox.exec("touch -d @1234567890 f");
      const found = await sandbox.stat("f");
      if (found?.mtimeMs === undefined) return context.skip("this engine does not tell");
      expect(found.mtimeMs).toBe(1_234_567_890_000);
      expect((await sandbox.listDirectory(".")).find(({ name }) => name === "f")?.mtimeMs).toBe(
        found.mtimeMs,
      );
    });

    test("importFile brings a host file with its mode, exportFile takes one back whole", async () => {
      const host = await hostFiles({ "in.sh": "#!/bin/sh\necho hi\n", "sub/": "" });
      await chmod(join(host, "in.sh"), 0o755);
      const sandbox = await prepared.fork();
      expect(await sandbox.importFile(join(host, "in.sh"), "deep/tool")).toEqual({ bytes: 18 });
      expect((await sandbox.exec("deep/tool > 'out [1].txt'; deep/tool")).stdout).toBe("hi\n");
      expect(await sandbox.exportFile("out [1].txt", join(host, "new/out"))).toEqual({ bytes: 3 });
      expect(await readFile(join(host, "new/out"), "utf8")).toBe("hi\n");
      expect(await hostTree(host)).toEqual(["in.sh", "new/", "new/out", "sub/"]);
      await expectCode(sandbox.importFile(join(host, "none"), "x"), "NOT_FOUND");
      await expectCode(sandbox.importFile(host, "x"), "NOT_A_FILE");
      await expectCode(sandbox.exportFile("none", join(host, "x")), "NOT_FOUND");
      await expectCode(sandbox.exportFile("deep", join(host, "x")), "NOT_A_FILE");
      await expectCode(sandbox.exportFile("deep/tool", join(host, "sub")), "NOT_A_FILE", "INVALID_ARGUMENT");
      expect(await hostTree(host)).toEqual(["in.sh", "new/", "new/out", "sub/"]);
    });

    test("exportFile replaces a link of the host and never writes through it", async () => {
      const host = await hostFiles({ victim: "precious\n" });
      await symlink("victim", join(host, "out"));
      const sandbox = await prepared.fork();
      await sandbox.exec("echo theirs > f; ln -s f l; ln -s /etc/passwd away");
      await sandbox.exportFile("l", join(host, "out"));
      expect(await readFile(join(host, "victim"), "utf8")).toBe("precious\n");
      expect((await lstat(join(host, "out"))).isFile()).toBe(true);
      expect(await readFile(join(host, "out"), "utf8")).toBe("theirs\n");
      // The sandbox's own passwd: its links end in it.
      await sandbox.exportFile("away", join(host, "passwd"));
      expect(await readFile(join(host, "passwd"), "utf8")).toBe(await sandbox.readTextFile("/etc/passwd"));
      expect(await readlink(join(host, "out")).catch(() => "no link")).toBe("no link");
    });

    test("exportFile refuses a secret's bytes and a .git, and too much", async () => {
      const secret = uniqueWord("secret");
      const host = await hostFiles({});
      const sandbox = await prepared.fork();
      sandbox.withSecret("A", secret);
      await sandbox.exec('echo "$A" > f; echo "gitdir: /x" > g; head -c 2000 /dev/zero > big');
      const error = await expectCode(sandbox.exportFile("f", join(host, "f")), "SECRET_LEAK");
      expect(error.message).toContain("A");
      for (const place of [".git", ".git/config", ".GIT"])
        await expectCode(sandbox.exportFile("g", join(host, place)), "UNSAFE_EXPORT");
      await expectCode(sandbox.exportFile("big", join(host, "big"), { maxBytes: 1000 }), "LIMIT");
      expect(await hostTree(host)).toEqual([]);
      await sandbox.exportFile("f", join(host, "f"), { allowSecrets: true });
      expect(await readFile(join(host, "f"), "utf8")).toBe(`${secret}\n`);
    });

    test("importFile takes no pipe for a file, and nothing larger than it can hold", async () => {
      const host = await hostFiles({});
      const sandbox = await prepared.fork();
      await writeFile(join(host, "huge"), "");
      await truncate(join(host, "huge"), 3 * 2 ** 30);
      await expectCode(sandbox.importFile(join(host, "huge"), "x"), "LIMIT");
      await expectCode(sandbox.importFile("/dev/zero", "x"), "NOT_A_FILE");
    });
  });
}
