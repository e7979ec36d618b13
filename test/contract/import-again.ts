import { chmod, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { EngineUnderTest } from "../support/engines.js";
import { prepare } from "../support/prepared.js";
import { fill, hostFiles } from "../support/scratch.js";

/** refreshFromHost of a pair that was refreshed before: what changed on the host, in the sandbox, or on both. */
export function describeImportAgain(engine: EngineUnderTest): void {
  describe("refreshFromHost again", () => {
    const prepared = prepare(engine);

    test("the host wins over what the sandbox changed, in content and in type", async () => {
      const host = await hostFiles({
        a: "host",
        "b/file": "host",
        c: "host",
        "d/e/f": "host",
        untouched: "host",
      });
      await symlink("a", join(host, "l"));
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "/workspace");
      await sandbox.exec(
        "echo own > a; rm -r b; echo b > b; rm c; mkdir -p c/c; chmod 777 untouched; rm d/e/f; ln -s /tmp d/e/f; rm l; echo l > l",
      );
      await sandbox.refreshFromHost(host, "/workspace");
      expect(
        (
          await sandbox.exec(
            "cat a b/file c d/e/f; readlink l; test -L d/e/f || echo file; stat -c %a untouched",
          )
        ).stdout,
      ).toBe("hosthosthosthosta\nfile\n644\n");
    });

    test("what an earlier refresh brought and the host lost is removed; what the sandbox made stays", async () => {
      const host = await hostFiles({ "stays/a": "1", "goes/b": "2", "mixed/c": "3", top: "4" });
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "/workspace");
      await sandbox.exec("echo own | tee own stays/own mixed/own > /dev/null");
      await Promise.all(["goes", "mixed", "top"].map((path) => rm(join(host, path), { recursive: true })));
      const result = await sandbox.refreshFromHost(host, "/workspace");
      expect(result.removed).toBeGreaterThanOrEqual(4);
      expect((await sandbox.exec("find . -type f | sort")).stdout).toBe(
        "./mixed/own\n./own\n./stays/a\n./stays/own\n",
      );
      expect(await sandbox.stat("goes")).toBeUndefined();
      expect((await sandbox.refreshFromHost(host, "/workspace")).removed).toBe(0);
    });

    test("the record of what was brought is one a pair: another target loses nothing", async () => {
      const host = await hostFiles({ file: "1", other: "2" });
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "/workspace/one");
      await sandbox.refreshFromHost(host, "/workspace/two");
      await rm(join(host, "other"));
      expect((await sandbox.refreshFromHost(host, "/workspace/two")).removed).toBe(1);
      expect((await sandbox.exec("ls one two")).stdout).toBe("one:\nfile\nother\n\ntwo:\nfile\n");
    });

    test("forks inherit the record and go on by themselves", async () => {
      const host = await hostFiles({ file: "1", other: "2" });
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "/workspace");
      await using fork = await sandbox.fork();
      await rm(join(host, "other"));
      expect((await fork.refreshFromHost(host, "/workspace")).removed).toBe(1);
      expect(await fork.stat("other")).toBeUndefined();
      expect(await sandbox.readTextFile("other")).toBe("2");
      expect((await sandbox.refreshFromHost(host, "/workspace")).removed).toBe(1);
    });

    test("changes on the host are seen, also when size and modification time are the same", async () => {
      const host = await hostFiles({ file: "one", renamed: "two", mode: "x" });
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "/workspace");
      const { atime, mtime } = await stat(join(host, "file"));
      await writeFile(join(host, "file"), "ONE");
      await utimes(join(host, "file"), atime, mtime);
      await writeFile(join(host, "replacement"), "TWO");
      await rename(join(host, "replacement"), join(host, "renamed"));
      await chmod(join(host, "mode"), 0o755);
      await sandbox.refreshFromHost(host, "/workspace");
      expect((await sandbox.exec("cat file renamed; stat -c %a mode")).stdout).toBe("ONETWO755\n");
    });

    test("a file changed type on the host is changed in the sandbox", async () => {
      const host = await hostFiles({ a: "file", "b/inner": "x", c: "file" });
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "/workspace");
      await Promise.all(["a", "b", "c"].map((path) => rm(join(host, path), { recursive: true })));
      await fill(host, { "a/inner": "now a directory", b: "now a file" });
      await symlink("b", join(host, "c"));
      await sandbox.refreshFromHost(host, "/workspace");
      expect((await sandbox.exec("cat a/inner b; readlink c")).stdout).toBe("now a directorynow a fileb\n");
    });

    test("the same tree again changes nothing, and brings back what the sandbox deleted", async () => {
      const host = await hostFiles({ "sub/one": "1", "sub/two": "2" });
      const sandbox = await prepared.fork();
      const first = await sandbox.refreshFromHost(host, "/workspace");
      const second = await sandbox.refreshFromHost(host, "/workspace");
      expect(second).toEqual(first);
      await sandbox.exec("rm -r sub; mkdir sub");
      await sandbox.refreshFromHost(host, "/workspace");
      expect((await sandbox.exec("cat sub/one sub/two")).stdout).toBe("12");
    });

    test("narrower patterns leave alone what they no longer select and the host still has", async () => {
      const host = await hostFiles({ "a.ts": "", "b.js": "" });
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "/workspace");
      await sandbox.refreshFromHost(host, "/workspace", { exclude: ["*.js"] });
      // The host still has b.js: it was not lost there, so it stays as it was.
      expect((await sandbox.exec("ls")).stdout).toBe("a.ts\nb.js\n");
    });
  });
}
