import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { hostDirectory, hostFiles, hostTree } from "../support/scratch.js";

const probed = await probeLocal();

/** A disk that fills up: a typed error, nothing changed, and all well again when there is room. Mounting needs root. */
describe.runIf(process.getuid?.() === 0)("a full disk", () => {
  if ("unavailable" in probed) {
    test("the local engine answers", (context) => {
      if (isRequired("local")) expect.fail(probed.unavailable);
      context.skip(probed.unavailable);
    });
    return;
  }

  const small = mkdtempSync(join(tmpdir(), "forkbox-test-small-"));
  let engine: ReturnType<typeof local>;
  beforeAll(() => {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=48m,mode=755", "tmpfs", small]);
    engine = local({ stateDirectory: join(small, "state") });
  });
  afterAll(async () => {
    await engine?.close();
    execFileSync("umount", [small]);
    rmSync(small, { recursive: true });
  });

  /** Takes all but a little of what is free; again, while what earlier sandboxes left is still being removed. */
  const fill = async (leave = 64 * 1024) => {
    mkdirSync(join(small, "filler"), { recursive: true });
    for (let n = 0; n < 50; n++) {
      const { bavail, bsize } = statfsSync(small);
      if (n > 0 && bavail * bsize <= leave) return;
      writeFileSync(join(small, "filler", String(n)), Buffer.alloc(Math.max(0, bavail * bsize - leave)));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const drain = () => rmSync(join(small, "filler"), { recursive: true, force: true });

  const start = async () => {
    drain();
    const sandbox = await Sandbox.create({ engine, network: "off" });
    await sandbox.writeFiles([
      { path: "kept", data: "as it was" },
      { path: "d/inner", data: "as it was" },
    ]);
    return sandbox;
  };
  const expectUnchanged = async (sandbox: Sandbox) => {
    drain();
    expect((await sandbox.exec("find . | sort; cat kept d/inner")).stdout).toBe(
      ".\n./d\n./d/inner\n./kept\nas it wasas it was",
    );
  };
  const megabytes = (count: number) => new Uint8Array(count * 1024 * 1024).fill(7);

  test("a write that does not fit is LIMIT and changes nothing, an overwrite too", async () => {
    await using sandbox = await start();
    await fill();
    const error = await expectCode(sandbox.writeFile("new", megabytes(2)), "LIMIT");
    expect(error.message).toMatch(/disk|space/i);
    await expectCode(sandbox.writeFile("kept", megabytes(2)), "LIMIT");
    await expectUnchanged(sandbox);
    await sandbox.writeFile("new", megabytes(2));
    expect(await sandbox.stat("new")).toMatchObject({ size: 2 * 1024 * 1024 });
  });

  test("of writeFiles all or none: the first of them is not there when the last does not fit", async () => {
    await using sandbox = await start();
    await fill(1024 * 1024);
    const files = [
      { path: "first", data: "small" },
      { path: "kept", data: "changed" },
      { path: "last", data: megabytes(3) },
    ];
    await expectCode(sandbox.writeFiles(files), "LIMIT");
    await expectUnchanged(sandbox);
  });

  test("an import that does not fit is LIMIT and changes nothing, and works when there is room", async () => {
    await using sandbox = await start();
    const host = await hostFiles({ a: "x".repeat(1000), b: "y".repeat(3_000_000), kept: "the host's" });
    await fill(1024 * 1024);
    await expectCode(sandbox.refreshFromHost(host, "/workspace"), "LIMIT");
    await expectUnchanged(sandbox);
    expect(await sandbox.refreshFromHost(host, "/workspace")).toMatchObject({ files: 3 });
    expect(await sandbox.readTextFile("kept")).toBe("the host's");
  });

  test("a command that meets a full disk sees it itself, and the sandbox goes on", async () => {
    await using sandbox = await start();
    await fill(1024 * 1024);
    const outcome = await sandbox
      .exec("head -c 3000000 /dev/zero > big")
      .catch((error: { code: string }) => error);
    if ("exitCode" in outcome) expect(outcome.exitCode).not.toBe(0);
    else expect(outcome.code).toBe("LIMIT");
    drain();
    await sandbox.exec("rm -f big");
    await expectUnchanged(sandbox);
  });

  test("a disk without a byte left fails every kind of operation with a typed error, and breaks nothing", async () => {
    await using sandbox = await start();
    await using fork = await sandbox.fork();
    await fill(0);
    const host = await hostFiles({ a: "x" });
    const codes = ["LIMIT", "ENGINE_ERROR"] as const;
    for (const operate of [
      () => sandbox.writeFile("new", "x".repeat(100_000)),
      () => fork.exec("echo x > new; true"),
      () => sandbox.makeDirectory("a/b/c/d/e/f"),
      () => sandbox.refreshFromHost(host, "/workspace/in"),
    ]) {
      await operate().catch((error) => expectCode(Promise.reject(error), ...codes));
    }
    expect(await sandbox.readTextFile("kept")).toBe("as it was");
    drain();
    expect((await fork.exec("cat kept")).stdout).toBe("as it was");
    await sandbox.exec("rm -rf new a in");
    await expectUnchanged(sandbox);
  });

  test("an export onto a full host disk is LIMIT, leaves no temporary file and no half one", async () => {
    await using sandbox = await start();
    await sandbox.exec("mkdir out; echo small > out/a; head -c 3000000 /dev/zero > out/big");
    const target = join(small, "target");
    await fill(1024 * 1024);
    execFileSync("mkdir", ["-p", target]);
    await expectCode(sandbox.exportDirectory("out", target), "LIMIT");
    const left = await hostTree(target);
    expect(left.filter((path) => path !== "a")).toEqual([]);
    drain();
    await sandbox.exportDirectory("out", target);
    expect(await hostTree(target)).toEqual(["a", "big"]);
    rmSync(target, { recursive: true });
  });

  test("a sandbox that can't be created for lack of space says so", async () => {
    const first = await start();
    await first.close();
    await fill(0);
    const outcome = await Sandbox.create({ engine, network: "off" }).catch(
      (error: { code: string }) => error,
    );
    drain();
    if (outcome instanceof Sandbox) await outcome.close();
    else expect(["LIMIT", "ENGINE_ERROR"]).toContain(outcome.code);
    await using sandbox = await Sandbox.create({ engine, network: "off" });
    expect((await sandbox.exec("echo works")).stdout).toBe("works\n");
    await sandbox.exportDirectory("/workspace", await hostDirectory());
  });
});
