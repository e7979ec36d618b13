import { execFileSync } from "node:child_process";
import { chmod, link, readdir, rm, stat, symlink } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { prepare } from "../support/prepared.js";
import { hostFiles } from "../support/scratch.js";

/** refreshFromHost: afterwards every selected host file has the host's content and type. */
export function describeImport(engine: EngineUnderTest): void {
  describe("refreshFromHost", () => {
    const prepared = prepare(engine);

    test("brings everything: hidden files, empty directories, bytes, modes and links as links", async () => {
      const host = await hostFiles({
        "a.txt": "a",
        ".hidden": "h",
        "sub/deep/file": "f",
        "empty/": "",
        run: "#!/bin/sh\n",
      });
      await chmod(join(host, "run"), 0o755);
      await chmod(join(host, "a.txt"), 0o640);
      await symlink("a.txt", join(host, "inner"));
      await symlink("/etc/passwd", join(host, "outer"));
      await symlink("nowhere", join(host, "dangling"));
      await link(join(host, "a.txt"), join(host, "hard"));
      const sandbox = await prepared.fork();
      const result = await sandbox.refreshFromHost(host, "/workspace");
      expect(result).toMatchObject({ removed: 0, skipped: [] });
      expect(result.files).toBe(8);
      expect(result.bytes).toBe(14);
      expect((await sandbox.listDirectory(".")).map((entry) => `${entry.name} ${entry.type}`)).toEqual([
        ".hidden file",
        "a.txt file",
        "dangling symlink",
        "empty directory",
        "hard file",
        "inner symlink",
        "outer symlink",
        "run file",
        "sub directory",
      ]);
      expect(
        (await sandbox.exec("cat a.txt sub/deep/file inner; readlink outer; stat -c %a run a.txt")).stdout,
      ).toBe("afa/etc/passwd\n755\n640\n");
    });

    test("what it brings belongs to the user that runs commands", async () => {
      const host = await hostFiles({ "sub/file": "f" });
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "/workspace/new/place");
      expect(
        (await sandbox.exec("cd new/place && echo more >> sub/file && touch sub/new && rm -r sub")).exitCode,
      ).toBe(0);
    });

    test("a relative sandbox path starts at the workdir", async () => {
      const host = await hostFiles({ file: "f" });
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "sub");
      expect(await sandbox.readTextFile("/workspace/sub/file")).toBe("f");
    });

    test("include and exclude narrow it", async () => {
      const host = await hostFiles({
        "src/a.ts": "",
        "src/a.js": "",
        "src/deep/b.ts": "",
        "dist/c.ts": "",
        "top.ts": "",
      });
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "/workspace/in", {
        include: ["**/*.ts"],
        exclude: ["dist", "src/deep/**"],
      });
      expect((await sandbox.exec("cd in; find . -type f | sort")).stdout).toBe("./src/a.ts\n./top.ts\n");
    });

    test("gitignore leaves out what .gitignore files name, nested and negated ones too", async () => {
      const host = await hostFiles({
        ".gitignore": "node_modules/\n*.log\n!keep.log\n/only-top\n",
        "node_modules/x/index.js": "",
        "a.log": "",
        "keep.log": "",
        "only-top": "",
        "sub/only-top": "",
        "sub/.gitignore": "secret\n",
        "sub/secret": "",
        "sub/b.log": "",
        secret: "",
      });
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "/workspace/in", { gitignore: true });
      expect((await sandbox.exec("cd in; find . -type f | sort")).stdout).toBe(
        "./.gitignore\n./keep.log\n./secret\n./sub/.gitignore\n./sub/only-top\n",
      );
      await sandbox.refreshFromHost(host, "/workspace/all");
      expect((await sandbox.exec("ls all/node_modules/x")).stdout).toBe("index.js\n");
    });

    test("FIFOs and sockets are skipped and reported, setuid and setgid bits dropped", async () => {
      const host = await hostFiles({ file: "f", setuid: "s", setgid: "s" });
      execFileSync("mkfifo", [join(host, "pipe")]);
      const server = createServer().listen(join(host, "socket"));
      onTestFinished(() => void server.close());
      await chmod(join(host, "setuid"), 0o4755);
      await chmod(join(host, "setgid"), 0o2755);
      const sandbox = await prepared.fork();
      const { skipped } = await sandbox.refreshFromHost(host, "/workspace");
      expect(skipped.map((entry) => entry.path).sort()).toEqual(["pipe", "socket"]);
      for (const { reason } of skipped) expect(reason).not.toBe("");
      expect((await sandbox.exec("ls; stat -c %a setuid setgid")).stdout).toBe(
        "file\nsetgid\nsetuid\n755\n755\n",
      );
    });

    test("a link out of the tree, to a file or a directory, is copied as a link and not followed", async () => {
      const outside = await hostFiles({ canary: "outside of the tree" });
      const host = await hostFiles({ file: "f" });
      await symlink(outside, join(host, "dir"));
      await symlink(join(outside, "canary"), join(host, "link"));
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "/workspace");
      expect(
        (await sandbox.exec("readlink dir link; cat link dir/canary; echo tried; cat file")).stdout,
      ).toBe(`${outside}\n${outside}/canary\ntried\nf`);
    });

    test("a link that the sandbox planted where a directory comes is replaced, not written through", async () => {
      const host = await hostFiles({ "d/file": "host" });
      const sandbox = await prepared.fork();
      await sandbox.exec("mkdir /tmp/elsewhere; ln -s /tmp/elsewhere d");
      await sandbox.refreshFromHost(host, "/workspace");
      expect(await sandbox.stat("d")).toMatchObject({ type: "directory" });
      expect(await sandbox.readTextFile("d/file")).toBe("host");
      expect(await sandbox.listDirectory("/tmp/elsewhere")).toEqual([]);
    });

    test("loops of links on the host are copied as links", async () => {
      const host = await hostFiles({ file: "f" });
      await symlink("loop", join(host, "loop"));
      await symlink("..", join(host, "up"));
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "/workspace/in");
      expect((await sandbox.exec("readlink in/loop in/up; ls in")).stdout).toBe("loop\n..\nfile\nloop\nup\n");
    });

    test("an aborted refresh changes nothing, and the next one brings all", async () => {
      const host = await hostFiles(
        Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`d${i % 20}/f${i}`, `${i}`])),
      );
      const sandbox = await prepared.fork();
      await sandbox.writeFile("in/own", "own");
      for (const wait of [0, 5, 20, 60]) {
        const controller = new AbortController();
        const refreshing = sandbox.refreshFromHost(host, "/workspace/in", { signal: controller.signal });
        setTimeout(() => controller.abort(), wait);
        const outcome = await refreshing.then(
          () => "done",
          (error: { code: string }) => error.code,
        );
        const names = (await sandbox.listDirectory("in")).length;
        expect([outcome, names]).toEqual(outcome === "done" ? ["done", 21] : ["ABORTED", 1]);
        if (outcome === "done") break;
      }
      await sandbox.refreshFromHost(host, "/workspace/in");
      expect((await sandbox.exec("find in -type f | wc -l; cat in/own in/d3/f1983")).stdout.trim()).toMatch(
        /^2001\s+own1983$/,
      );
    });

    test("5,000 files arrive, and the same again", async () => {
      const host = await hostFiles(
        Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`d${i % 50}/f${i}`, `${i}`])),
      );
      const sandbox = await prepared.fork();
      expect(await sandbox.refreshFromHost(host, "/workspace/in")).toMatchObject({ files: 5000, removed: 0 });
      await rm(join(host, "d7"), { recursive: true });
      expect(await sandbox.refreshFromHost(host, "/workspace/in")).toMatchObject({
        files: 4900,
        removed: 101,
      });
      expect((await sandbox.exec("find in -type f | wc -l; cat in/d9/f4959")).stdout.trim()).toMatch(
        /^4900\s+4959$/,
      );
    });

    test("a missing host directory is NOT_FOUND and a file NOT_A_DIRECTORY, on either side", async () => {
      const host = await hostFiles({ file: "f" });
      const sandbox = await prepared.fork();
      await sandbox.writeFile("file", "own");
      const missing = await expectCode(sandbox.refreshFromHost(join(host, "no"), "/workspace"), "NOT_FOUND");
      expect(missing.message).toContain(join(host, "no"));
      await expectCode(sandbox.refreshFromHost(join(host, "file"), "/workspace"), "NOT_A_DIRECTORY");
      await expectCode(sandbox.refreshFromHost(host, "/workspace/file"), "NOT_A_DIRECTORY");
      await expectCode(sandbox.refreshFromHost(host, "/workspace/file/below"), "NOT_A_DIRECTORY");
      expect((await sandbox.exec("ls; cat file")).stdout).toBe("file\nown");
    });

    test.runIf(process.getuid?.() !== 0)(
      "an unreadable file or directory is PERMISSION and nothing changes",
      async () => {
        const host = await hostFiles({ a: "1", locked: "2", "dir/inner": "3", z: "4" });
        const sandbox = await prepared.fork();
        await chmod(join(host, "locked"), 0o000);
        const error = await expectCode(sandbox.refreshFromHost(host, "/workspace"), "PERMISSION");
        expect(error.message).toContain("locked");
        await chmod(join(host, "locked"), 0o644);
        await chmod(join(host, "dir"), 0o000);
        await expectCode(sandbox.refreshFromHost(host, "/workspace"), "PERMISSION");
        await chmod(join(host, "dir"), 0o755);
        expect(await sandbox.listDirectory(".")).toEqual([]);
        await sandbox.refreshFromHost(host, "/workspace", { exclude: ["locked"] });
        expect((await sandbox.exec("ls")).stdout).toBe("a\ndir\nz\n");
      },
    );

    test("the host directory itself is left as it was", async () => {
      const host = await hostFiles({ "sub/file": "f" });
      const before = await stat(join(host, "sub/file"));
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "/workspace");
      await sandbox.exec("echo changed > sub/file; touch sub/new");
      expect(await readdir(join(host, "sub"))).toEqual(["file"]);
      expect((await stat(join(host, "sub/file"))).mtimeMs).toBe(before.mtimeMs);
    });
  });
}
