import { describe, expect, test } from "vitest";
import { runAsUser } from "../support/as-user.js";

/** What holds for root must hold for an ordinary user: the same files, run again as one. */
describe.runIf(process.getuid?.() === 0)("as an ordinary user", () => {
  test("closed directories, hostile links, the streams of commands and the network stack's walls are what they are for root", async () => {
    const files = ["closed-directories", "network-stack", "streams"].map((name) => `local/${name}`);
    files.push("isolation/hostile-links");
    const { passed, failed, output } = await runAsUser(files.map((name) => `test/${name}.test.ts`));
    expect(failed).toEqual([]);
    expect(passed, output).toBeGreaterThan(18);
  }, 120_000);
});
