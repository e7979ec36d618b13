import { expect, onTestFinished, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { Sandbox } from "../../src/sandbox.js";
import { probeLocal } from "../support/engine-local.js";
import { expectCode } from "../support/errors.js";
import { describeLocal } from "./base-sandbox.js";

const engine = await probeLocal();
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
