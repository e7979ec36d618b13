import { link, lstat, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { prepare } from "../support/prepared.js";
import { hostDirectory, hostTree } from "../support/scratch.js";

/** exportDirectory against what unreviewed code may have left in the exported tree, or a host that has links in it. */
export function describeExportSafety(engine: EngineUnderTest): void {
  describe("exportDirectory does no harm", () => {
    const prepared = prepare(engine, {}, (sandbox) =>
      sandbox.exec(
        "mkdir -p out/sub out/empty; printf a > out/a; printf b > out/sub/b; printf h > out/.hidden",
      ),
    );

    test("a link out of the exported tree is skipped and reported, and UNSAFE_EXPORT with strict", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await sandbox.exec(
        [
          "cd out",
          "ln -s /etc/passwd absolute",
          "ln -s ../../x above",
          "ln -s ../.. sub/far",
          "ln -s .. up",
          "ln -s sub/../../x dotted",
          "ln -s /workspace/out/a self",
          "ln -s /proc/self/root proc",
        ].join("; "),
      );
      const { skipped } = await sandbox.exportDirectory("out", target);
      expect(skipped.map((entry) => entry.path).sort()).toEqual([
        "above",
        "absolute",
        "dotted",
        "proc",
        "self",
        "sub/far",
        "up",
      ]);
      expect((await hostTree(target)).filter((path) => path.includes(" -> "))).toEqual([]);
      const strict = await hostDirectory();
      await expectCode(sandbox.exportDirectory("out", strict, { strict: true }), "UNSAFE_EXPORT");
      expect(await hostTree(strict)).toEqual([]);
    });

    test("it never writes through a link on the host, to a file or a directory, or at the target itself", async () => {
      const sandbox = await prepared.fork();
      const [target, outside] = [await hostDirectory(), await hostDirectory()];
      await writeFile(join(outside, "file"), "outside");
      await symlink(join(outside, "file"), join(target, "a"));
      await symlink(outside, join(target, "sub"));
      await sandbox.exportDirectory("out", target).catch(() => undefined);
      expect(await hostTree(outside)).toEqual(["file"]);
      expect(await readFile(join(outside, "file"), "utf8")).toBe("outside");
      expect(await readFile(join(target, ".hidden"), "utf8").catch(() => "h")).toBe("h");
    });

    test("a link in the export can't be used to write elsewhere by a file that comes after it", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      // First an export that plants a link within the tree, then one that has a directory of that name.
      await sandbox.exec(
        "mkdir plant after; ln -s sub plant/x; mkdir plant/sub; mkdir -p after/x; printf v > after/x/f",
      );
      await sandbox.exportDirectory("plant", target);
      const { skipped } = await sandbox.exportDirectory("after", target);
      const placed = await readFile(join(target, "x/f"), "utf8").catch(() => "skipped");
      expect(placed).toBe(skipped.length > 0 ? "skipped" : "v");
      expect(await readdir(join(target, "sub"))).toEqual([]);
    });

    test("a file on the host is replaced, not written in place: its other hard links keep the old text", async () => {
      const sandbox = await prepared.fork();
      const [target, outside] = [await hostDirectory(), await hostDirectory()];
      await writeFile(join(outside, "other-name"), "old text");
      await link(join(outside, "other-name"), join(target, "a"));
      await sandbox.exportDirectory("out", target);
      expect(await readFile(join(target, "a"), "utf8")).toBe("a");
      expect(await readFile(join(outside, "other-name"), "utf8")).toBe("old text");
    });

    test("the result is the caller's own, without setuid, setgid or what others could abuse", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await sandbox.exec("cd out; chmod 4755 a; chmod 2755 sub; chmod 6777 .hidden");
      await sandbox.exportDirectory("out", target);
      for (const name of ["a", "sub", "sub/b", ".hidden"]) {
        const { uid, gid, mode } = await lstat(join(target, name));
        expect([name, uid, gid, mode & 0o6000]).toEqual([name, process.getuid?.(), process.getgid?.(), 0]);
      }
    });

    test("a file nobody may read is exported, or reported as skipped, and never missed in silence", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await sandbox.exec("cd out; printf x > closed; chmod 000 closed");
      const { skipped } = await sandbox.exportDirectory("out", target);
      const placed = await lstat(join(target, "closed")).then(
        () => ["closed"],
        () => [],
      );
      expect([...placed, ...skipped.map((entry) => entry.path)]).toEqual(["closed"]);
    });

    test("FIFOs are skipped and reported", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await sandbox.exec("mkfifo out/pipe");
      const { skipped } = await sandbox.exportDirectory("out", target);
      expect(skipped).toMatchObject([{ path: "pipe" }]);
      expect(await hostTree(target)).not.toContain("pipe");
    });

    test("a file takes the place of a directory and a directory of a file", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await writeFile(join(target, "sub"), "a file here");
      await sandbox.exportDirectory("out", target);
      expect(await readFile(join(target, "sub/b"), "utf8")).toBe("b");
    });

    test("nothing lands in a .git of the host, at any depth, unless allowGit", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await mkdir(join(target, ".git/hooks"), { recursive: true });
      await writeFile(join(target, ".git/config"), "mine");
      await sandbox.exec(
        "cd out; mkdir -p .git/hooks sub/.git; echo evil | tee .git/hooks/pre-commit .git/config sub/.git/config > /dev/null",
      );
      const { skipped } = await sandbox.exportDirectory("out", target);
      expect(await hostTree(target)).toEqual([
        ".git/",
        ".git/config",
        ".git/hooks/",
        ".hidden",
        "a",
        "empty/",
        "sub/",
        "sub/b",
      ]);
      expect(await readFile(join(target, ".git/config"), "utf8")).toBe("mine");
      expect(skipped.length).toBeGreaterThan(0);
      for (const { path } of skipped) expect(path).toContain(".git");
      await sandbox.exportDirectory("out", target, { allowGit: true });
      expect(await readFile(join(target, ".git/hooks/pre-commit"), "utf8")).toBe("evil\n");
      expect(await readFile(join(target, "sub/.git/config"), "utf8")).toBe("evil\n");
    });

    test("a .git that is a file or a link, and a target inside a .git, are no way around that", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await mkdir(join(target, "repo/.git/hooks"), { recursive: true });
      await sandbox.exec(
        "cd out; echo 'gitdir: sub' > .git; ln -s ../sub sub/.git; mkdir hooks; echo evil > hooks/pre-commit",
      );
      await sandbox.exportDirectory("out", join(target, "repo/.git")).catch(() => undefined);
      await sandbox.exportDirectory("out/hooks", join(target, "repo/.git/hooks")).catch(() => undefined);
      await sandbox.exportDirectory("out", join(target, "fresh"));
      expect((await hostTree(join(target, "repo"))).sort()).toEqual([".git/", ".git/hooks/"]);
      expect(await hostTree(join(target, "fresh"))).not.toContain(".git");
    });

    test("replace does not take a .git of the host away", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await mkdir(join(target, ".git"));
      await writeFile(join(target, ".git/config"), "mine");
      await sandbox.exportDirectory("out", target, { replace: true }).catch(() => undefined);
      expect(await readFile(join(target, ".git/config"), "utf8")).toBe("mine");
    });

    test("what holds a secret's bytes is SECRET_LEAK and nothing lands, unless allowed", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      sandbox.withSecret("TOKEN", "dapi-0123456789abcdef");
      await sandbox.exec('head -c 200000 /dev/zero > out/z; printf %s "$TOKEN" >> out/z; echo >> out/z');
      const error = await expectCode(sandbox.exportDirectory("out", target), "SECRET_LEAK");
      expect(error.message).toContain("z");
      expect(error.message).not.toContain("dapi-");
      expect(await hostTree(target)).toEqual([]);
      await sandbox.exportDirectory("out", target, { exclude: ["z"] });
      await sandbox.exportDirectory("out", target, { allowSecrets: true });
      expect((await readFile(join(target, "z"), "latin1")).slice(200_000)).toBe("dapi-0123456789abcdef\n");
    });

    test("a directory behind a planted link is the sandbox's, not the host's", async () => {
      const sandbox = await prepared.fork();
      const [outside, target] = [await hostDirectory(), await hostDirectory()];
      await writeFile(join(outside, "canary"), "the host's");
      await sandbox.exec(`ln -s ${outside} planted; ln -s /proc/self/root/${outside} proc`);
      for (const path of ["planted", "proc"])
        await sandbox.exportDirectory(path, target).catch(() => undefined);
      expect(await hostTree(target)).toEqual([]);
      await sandbox.exec(`mkdir -p ${outside}; echo own > ${outside}/canary`);
      await sandbox.exportDirectory(outside, target);
      expect(await readFile(join(target, "canary"), "utf8")).toBe("own\n");
    });
  });
}
