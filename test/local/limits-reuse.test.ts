import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { findCgroups } from "../../src/engines/local/commands/cgroups.js";
import { usage } from "../../src/engines/local/commands/limits.js";
import { local } from "../../src/engines/local/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { probeLocal } from "../support/engine-local.js";
import { expectCode } from "../support/errors.js";
import { hostDirectory, hostFiles } from "../support/scratch.js";
import { within } from "../support/within.js";
import { describeLocal } from "./base-sandbox.js";

const engine = await probeLocal();
const { pids } = findCgroups();
const limitsProcesses = !("unavailable" in engine) && engine.capabilities.limits.processes === true;
const limitsMemory = !("unavailable" in engine) && engine.capabilities.limits.memoryMiB === true;

describeLocal("limits of one sandbox after those of another", () => {
  test.skipIf(!limitsMemory)("each has its own memory, be it more or less than the one before", async () => {
    const shared = local();
    onTestFinished(() => shared.close());
    for (const memoryMiB of [64, 128, 32, undefined, 64]) {
      const limits = memoryMiB === undefined ? {} : { memoryMiB };
      await using sandbox = await Sandbox.create({ engine: shared, network: "off", limits });
      expect((await sandbox.exec("echo ok")).stdout).toBe("ok\n");
      const most = memoryMiB ?? 256;
      // tail keeps what it may have to print in memory.
      const take = (mebibytes: number) => `head -c ${mebibytes}M /dev/zero | tail -c ${mebibytes}M | wc -c`;
      expect((await sandbox.exec(take(most / 2))).stdout).toBe(`${(most / 2) * 1024 * 1024}\n`);
      if (memoryMiB !== undefined) await expectCode(sandbox.exec(take(most * 2)), "LIMIT");
    }
  });
});

describeLocal("a limit of few processes", () => {
  test.skipIf(!limitsProcesses)(
    "holds for each command by itself: what has ended does not count",
    async () => {
      for (const processes of [1, 2, 3]) {
        await using sandbox = await Sandbox.create({
          engine: "local",
          network: "off",
          limits: { processes },
        });
        for (let time = 0; time < 25; time++) {
          const stdin = time % 2 === 0 ? { stdin: "input" } : {};
          const result = await within(sandbox.exec(["cat"], stdin));
          expect(result).toMatchObject({ exitCode: 0, stdout: stdin.stdin ?? "", stderr: "" });
        }
      }
    },
  );

  test.skipIf(pids === undefined)("that no command can be started in is an error, and soon", async () => {
    const stateDirectory = join(await hostDirectory(), "state");
    await using engine = local({ stateDirectory });
    await using sandbox = await Sandbox.create({ engine, network: "off" });
    await sandbox.exec("true");
    const [session = ""] = await readdir(join(stateDirectory, "sessions"));
    const most = join(pids?.directory as string, `forkbox-${session}`, "1", "pids.max");
    const enough = await readFile(most);
    for (const few of ["1", "2", "3"]) {
      await writeFile(most, few);
      const error = await within(expectCode(sandbox.exec("true"), "ENGINE_ERROR"));
      expect(error.message).toMatch(/fork|Resource temporarily unavailable/);
    }
    await writeFile(most, enough);
    expect((await sandbox.exec("echo ok")).stdout).toBe("ok\n");
  });
});

describeLocal("what a command adds", () => {
  test.each([
    ["below a path longer than the kernel takes", 30, 200],
    ["below a thousand directories", 1000, 1],
    ["below directories as deep as long", 200, 200],
  ])("%s counts for diskMiB", async (_, depth, length) => {
    await using sandbox = await Sandbox.create({ engine: "local", network: "off", limits: { diskMiB: 20 } });
    const name = "d".repeat(length);
    const down = `i=0; while [ $i -lt ${depth} ]; do mkdir ${name} && cd -P ${name} || exit 9; i=$((i+1)); done`;
    const within = await sandbox.exec(`${down}; head -c 1M /dev/zero > file`);
    expect(within).toMatchObject({ exitCode: 0, stderr: "" });
    await expectCode(sandbox.exec(`mkdir new; cd new; ${down}; head -c 60M /dev/zero > big`), "LIMIT");
    expect((await sandbox.exec("ls")).stdout).toBe(`${name}\n`);
  });

  // Whether a swap falls between two steps of the walk is chance: the walk enters every level as it does the first.
  test("a directory that has become a link is not entered, nor one on the way", async () => {
    const host = await hostFiles({ "in/big": "x".repeat(1 << 20) });
    const layer = await hostDirectory();
    await mkdir(join(layer, "sub"));
    await symlink(host, join(layer, "sub/link"));
    expect(await usage(host, Infinity)).toBeGreaterThanOrEqual(1 << 20);
    expect(await usage(layer, Infinity)).toBeLessThan(1 << 16);
    expect(await usage(join(layer, "sub/link"), Infinity)).toBe(0);
  });
});
