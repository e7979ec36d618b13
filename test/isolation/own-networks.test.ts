import { expect, onTestFinished, test } from "vitest";
import { diagnose } from "../../src/engines/local/doctor/doctor.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { describeLocal } from "../local/base-sandbox.js";

describeLocal("network namespaces", () => {
  test("are never another sandbox's, however many commands start at the same time", async (context) => {
    const finding = (await diagnose()).find(({ check }) => check === "network of a sandbox");
    if (!finding?.ok) return context.skip(finding?.detail ?? "no network of a sandbox here");
    const first = await Sandbox.create({ engine: "local", network: "on" });
    onTestFinished(() => first.close());
    const look = async (sandbox: Sandbox) =>
      (await sandbox.exec("readlink /proc/self/ns/net; sleep 0.5")).stdout;
    // After its first command one is made ahead, for whoever comes next.
    await look(first);
    for (let round = 0; round < 3; round++) {
      const forks = await Promise.all(Array.from({ length: 4 }, () => first.fork()));
      // All at the same time: the number of one that has ended may be given again.
      const seen = await Promise.all(forks.map(look));
      expect(new Set(seen).size).toBe(4);
      await Promise.all(forks.map((fork) => fork.close()));
    }
  });
});
