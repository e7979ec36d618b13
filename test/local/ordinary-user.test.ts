import { describe, expect, test } from "vitest";
import { runAsUser } from "../support/as-user.js";

/** What holds for root must hold for an ordinary user: the same files, run again as one. */
describe.runIf(process.getuid?.() === 0)("as an ordinary user", () => {
  test("closed directories, open files, the network stack's walls, streams and hostile links are what they are for root", async () => {
    const local = ["closed-directories", "descriptors", "network-stack", "streams"];
    const files = [...local.map((name) => `local/${name}`), "isolation/hostile-links"];
    const { passed, failed, output } = await runAsUser(files.map((name) => `test/${name}.test.ts`));
    expect(failed).toEqual([]);
    expect(passed, output).toBeGreaterThan(25);
  }, 120_000);
});
