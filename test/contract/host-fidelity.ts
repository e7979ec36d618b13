import { execFile } from "node:child_process";
import { chmod, link, mkdir, open, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { prepare } from "../support/prepared.js";
import { hostDirectory, hostFiles, hostTree } from "../support/scratch.js";

const OLD = new Date("2020-01-02T03:04:05Z");
const GIBIBYTE = 1024 ** 3;
const run = promisify(execFile);

/** What comes along with files at the host boundary, and what bounds how much does. */
export function describeHostFidelity(engine: EngineUnderTest): void {
  // Dagger's engine sets its own times and copies each name of a file, holes too.
  const keepsAttributes = engine.name === "local";

  describe("the host boundary", () => {
    const prepared = prepare(engine);

    test.runIf(keepsAttributes)(
      "keeps the modification times of files and directories, both ways",
      async () => {
        const host = await hostFiles({ "sub/file": "f" });
        for (const path of ["sub/file", "sub"]) await utimes(join(host, path), OLD, OLD);
        const sandbox = await prepared.fork();
        await sandbox.refreshFromHost(host, "in");
        const seconds = `${OLD.getTime() / 1000}\n`;
        expect((await sandbox.exec("stat -c %Y in/sub/file in/sub")).stdout).toBe(seconds + seconds);
        const target = await hostDirectory();
        await sandbox.exportDirectory("in", target);
        for (const path of ["sub/file", "sub"])
          expect((await stat(join(target, path))).mtimeMs).toBe(OLD.getTime());
      },
    );

    test.runIf(keepsAttributes)("a directory whose file changed in place keeps its time", async () => {
      const host = await hostFiles({ "sub/file": "f" });
      await utimes(join(host, "sub"), OLD, OLD);
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "in");
      await writeFile(join(host, "sub/file"), "longer");
      await sandbox.refreshFromHost(host, "in");
      const { stdout } = await sandbox.exec("cat in/sub/file; stat -c ' %Y' in/sub");
      expect(stdout).toBe(`longer ${OLD.getTime() / 1000}\n`);
    });

    test.runIf(keepsAttributes)("two names of one file stay that, both ways", async () => {
      const host = await hostFiles({ one: "x", other: "x" });
      await link(join(host, "one"), join(host, "two"));
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "in");
      expect((await sandbox.exec("cd in; [ one -ef two ] && ! [ one -ef other ]")).exitCode).toBe(0);
      const target = await hostDirectory();
      expect(await sandbox.exportDirectory("in", target)).toMatchObject({ files: 3, bytes: 3 });
      const [one, two, other] = await Promise.all(
        ["one", "two", "other"].map((name) => stat(join(target, name))),
      );
      expect(one?.ino).toBe(two?.ino);
      expect(one?.ino).not.toBe(other?.ino);
      // Touched by one name in the sandbox, which parts them: the host wins for both.
      await sandbox.exec("echo changed >> in/one");
      await sandbox.refreshFromHost(host, "in");
      expect((await sandbox.exec("cd in; [ one -ef two ]; cat one")).stdout).toBe("x");
    });

    test.runIf(keepsAttributes)("holes stay holes, both ways, and cost nothing", async () => {
      const host = await hostDirectory();
      const file = await open(join(host, "sparse"), "w");
      await file.truncate(512 * GIBIBYTE);
      await file.write("in the middle", 300 * GIBIBYTE + 5);
      await file.close();
      const sandbox = await prepared.fork();
      expect(await sandbox.refreshFromHost(host, "in")).toMatchObject({ bytes: 512 * GIBIBYTE });
      const look = "stat -c %b in/sparse; tail -c +322122547206 in/sparse | head -c 13";
      expect((await sandbox.exec(look)).stdout).toMatch(/^(8|16|24)\nin the middle$/);
      const target = await hostDirectory();
      expect(await sandbox.exportDirectory("in", target)).toMatchObject({ bytes: 512 * GIBIBYTE });
      const copied = await stat(join(target, "sparse"));
      expect([copied.size, copied.blocks <= 24]).toEqual([512 * GIBIBYTE, true]);
    });

    test("maxBytes refuses what is larger before anything is copied, and names it", async () => {
      const host = await hostFiles({ small: "s", large: "x".repeat(100_000) });
      const sandbox = await prepared.fork();
      const error = await expectCode(sandbox.refreshFromHost(host, "in", { maxBytes: 50_000 }), "LIMIT");
      expect(error.message).toContain("large (100000 bytes)");
      expect(await sandbox.stat("in")).toBeUndefined();
      await sandbox.refreshFromHost(host, "in", { maxBytes: 200_000 });
      const target = await hostDirectory();
      const refused = await expectCode(sandbox.exportDirectory("in", target, { maxBytes: 50_000 }), "LIMIT");
      expect(refused.message).toContain("large (100000 bytes)");
      expect(await hostTree(target)).toEqual([]);
      await sandbox.exec("truncate -s 1G in/holes");
      await expectCode(sandbox.exportDirectory("in", target, { maxBytes: 500_000_000 }), "LIMIT");
      expect(await sandbox.exportDirectory("in", target, { include: ["small"], maxBytes: 1 })).toMatchObject({
        files: 1,
      });
    });

    test("timeoutMs stops both ways with TIMEOUT, and leaves both as they were", async () => {
      const host = await hostFiles(
        Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`file-${i}`, "content"])),
      );
      const sandbox = await prepared.fork();
      await expectCode(sandbox.refreshFromHost(host, "in", { timeoutMs: 1 }), "TIMEOUT");
      expect(await sandbox.stat("in")).toBeUndefined();
      await sandbox.refreshFromHost(host, "in", { timeoutMs: 2_147_483_647 });
      const target = await hostDirectory();
      await expectCode(sandbox.exportDirectory("in", target, { timeoutMs: 1 }), "TIMEOUT");
      expect(await hostTree(target)).toEqual([]);
      for (const options of [{ timeoutMs: 0 }, { timeoutMs: 1.5 }, { maxBytes: -1 }]) {
        await expectCode(sandbox.exportDirectory("in", target, options), "INVALID_ARGUMENT");
        await expectCode(sandbox.refreshFromHost(host, "in", options), "INVALID_ARGUMENT");
      }
    });

    test("the host wins over directories that the host or the sandbox closed", async () => {
      const host = await hostFiles({ "ro/f": "1", "ro/gone": "1", "src/f": "1" });
      await chmod(join(host, "ro"), 0o555);
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(host, "in");
      await sandbox.exec("chmod 000 in/src");
      await chmod(join(host, "ro"), 0o755);
      await writeFile(join(host, "ro/g"), "2");
      await rm(join(host, "ro/gone"));
      await chmod(join(host, "ro"), 0o555);
      await writeFile(join(host, "src/f"), "2");
      await sandbox.refreshFromHost(host, "in");
      const { stdout } = await sandbox.exec("cd in; ls ro; cat src/f; stat -c ' %a' ro");
      expect(stdout).toBe("f\ng\n2 555\n");
      await chmod(join(host, "ro"), 0o755);
      await rm(join(host, "ro"), { recursive: true });
      expect((await sandbox.refreshFromHost(host, "in")).removed).toBe(3);
      expect((await sandbox.exec("ls in")).stdout).toBe("src\n");
    });

    test("what comes and goes in a host directory in use does no harm to an import of it", async () => {
      const host = await hostFiles(
        Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`file-${i}`, `${i}`])),
      );
      await mkdir(join(host, "busy"));
      const churn =
        "while :; do for i in 1 2 3; do mkdir -p d$i; echo x > t$i; echo y > d$i/z; done; rm -rf t* d*; done";
      const busy = run("sh", ["-c", churn], { cwd: join(host, "busy") });
      busy.catch(() => undefined);
      const sandbox = await prepared.fork();
      for (let round = 0; round < 5; round++) await sandbox.refreshFromHost(host, `in-${round}`);
      busy.child.kill("SIGKILL");
      expect((await sandbox.exec("ls in-4 | grep -c file-")).stdout).toBe("500\n");
    });
  });
}
