import { describe, expect, test } from "vitest";
import { runAsUser } from "../support/as-user.js";

/** What holds for root must hold for an ordinary user: the same files, run again as one. */
describe.runIf(process.getuid?.() === 0)("as an ordinary user", () => {
  test("archives and root file systems are bases", async () => {
    const files = ["archive", "archive-hostile", "rootfs"].map((name) => `test/local/base-${name}.test.ts`);
    const { passed, failed, output } = await runAsUser(files);
    expect(failed).toEqual([]);
    expect(passed, output).toBeGreaterThan(60);
  }, 300_000);
});
