import { chmod, mkdir, readdir, readFile, readlink, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { prepare } from "../support/prepared.js";
import { hostDirectory, hostTree } from "../support/scratch.js";

/** exportDirectory: the one way out, onto a host that must not be harmed by what comes. */
export function describeExport(engine: EngineUnderTest): void {
  describe("exportDirectory", () => {
    const prepared = prepare(engine, {}, (sandbox) =>
      sandbox.exec(
        "mkdir -p out/sub out/empty; printf a > out/a; printf b > out/sub/b; printf h > out/.hidden",
      ),
    );

    test("merges into the host directory and counts what it placed", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await writeFile(join(target, "own"), "own");
      await writeFile(join(target, "a"), "older and longer");
      const result = await sandbox.exportDirectory("/workspace/out", target);
      expect(await hostTree(target)).toEqual([".hidden", "a", "empty/", "own", "sub/", "sub/b"]);
      expect(await readFile(join(target, "a"), "utf8")).toBe("a");
      expect(await readFile(join(target, "own"), "utf8")).toBe("own");
      expect(result).toMatchObject({ bytes: 3, skipped: [] });
      expect(result.files).toBeGreaterThanOrEqual(3);
    });

    test("creates a host directory that is missing, with its parents", async () => {
      const sandbox = await prepared.fork();
      const target = join(await hostDirectory(), "not/yet/there");
      await sandbox.exportDirectory("out", target);
      expect(await readFile(join(target, "sub/b"), "utf8")).toBe("b");
    });

    test("replace swaps the directory", async () => {
      const sandbox = await prepared.fork();
      const parent = await hostDirectory();
      const target = join(parent, "target");
      await mkdir(join(target, "old"), { recursive: true });
      await writeFile(join(target, "a"), "older");
      await sandbox.exportDirectory("out", target, { replace: true });
      expect(await hostTree(target)).toEqual([".hidden", "a", "empty/", "sub/", "sub/b"]);
      expect(await readdir(parent)).toEqual(["target"]);
    });

    test("a replace that fails leaves the old directory as it was", async () => {
      const sandbox = await prepared.fork();
      const parent = await hostDirectory();
      const target = join(parent, "target");
      await mkdir(target);
      await writeFile(join(target, "precious"), "mine");
      await sandbox.exec("ln -s /etc/passwd out/outward");
      await expectCode(
        sandbox.exportDirectory("out", target, { replace: true, strict: true }),
        "UNSAFE_EXPORT",
      );
      expect(await hostTree(parent)).toEqual(["target/", "target/precious"]);
    });

    test("include and exclude narrow it", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await sandbox.exec("mkdir -p out/cov; touch out/cov/x.html out/cov/x.tmp out/top.html");
      await sandbox.exportDirectory("out", target, { include: ["cov/**", "**/b"], exclude: ["**/*.tmp"] });
      expect((await hostTree(target)).filter((path) => !path.endsWith("/"))).toEqual(["cov/x.html", "sub/b"]);
    });

    test("bytes, modes, times of programs and links within the tree arrive", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await sandbox.exec(
        "cd out; head -c 3000000 /dev/urandom > large; chmod 751 a; ln -s sub/b link; ln -s ../a sub/up; ln -s sub dir; ln -s nowhere dangling",
      );
      const { skipped } = await sandbox.exportDirectory("out", target);
      expect(skipped).toEqual([]);
      expect((await readFile(join(target, "large"))).equals(await sandbox.readFile("out/large"))).toBe(true);
      expect((await stat(join(target, "a"))).mode & 0o7777).toBe(0o751);
      expect(await readFile(join(target, "sub/up"), "utf8")).toBe("a");
      for (const [name, to] of [
        ["link", "sub/b"],
        ["sub/up", "../a"],
        ["dir", "sub"],
        ["dangling", "nowhere"],
      ] as const) {
        expect(await readlink(join(target, name))).toBe(to);
      }
    });

    test("an aborted export leaves whole files only, and no temporary one", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec(
        "mkdir many; i=0; while [ $i -lt 400 ]; do head -c 20000 /dev/zero > many/f$i; i=$((i+1)); done",
      );
      for (const wait of [0, 3, 10, 30, 80]) {
        const parent = await hostDirectory();
        const target = join(parent, "target");
        await mkdir(target);
        const controller = new AbortController();
        const exporting = sandbox.exportDirectory("many", target, { signal: controller.signal });
        setTimeout(() => controller.abort(), wait);
        const outcome = await exporting.then(
          () => "done",
          (error: { code: string }) => error.code,
        );
        expect(["done", "ABORTED"]).toContain(outcome);
        expect(await readdir(parent)).toEqual(["target"]);
        for (const name of await readdir(target)) {
          expect(name).toMatch(/^f\d+$/);
          expect((await stat(join(target, name))).size).toBe(20_000);
        }
        if (outcome === "done") break;
      }
      expect((await sandbox.exec("ls many | wc -l")).stdout.trim()).toBe("400");
    });

    test("5,000 files arrive", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await sandbox.exec("mkdir many; cd many; seq 5000 | while read n; do echo $n > f$n; done");
      expect(await sandbox.exportDirectory("many", target)).toMatchObject({ bytes: 23_893 });
      expect(await readdir(target)).toHaveLength(5000);
      expect(await readFile(join(target, "f4999"), "utf8")).toBe("4999\n");
    });

    test("a sandbox path that is missing, a file, or a link is an error; a host path that is a file too", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await writeFile(join(target, "file"), "mine");
      await expectCode(sandbox.exportDirectory("no", target), "NOT_FOUND");
      await expectCode(sandbox.exportDirectory("out/a", target), "NOT_A_DIRECTORY");
      await expectCode(sandbox.exportDirectory("out", join(target, "file")), "NOT_A_DIRECTORY");
      await expectCode(sandbox.exportDirectory("out", join(target, "file/below")), "NOT_A_DIRECTORY");
      expect(await hostTree(target)).toEqual(["file"]);
      expect(await readFile(join(target, "file"), "utf8")).toBe("mine");
    });

    test.runIf(process.getuid?.() !== 0)("a host directory that can't be written is PERMISSION", async () => {
      const sandbox = await prepared.fork();
      const target = await hostDirectory();
      await chmod(target, 0o555);
      await expectCode(sandbox.exportDirectory("out", target), "PERMISSION");
      await chmod(target, 0o755);
      expect(await hostTree(target)).toEqual([]);
    });
  });
}
