import { describe, expect, test } from "vitest";
import { runAsUser } from "../support/as-user.js";

/** What holds for root must hold for an ordinary user: the same files, run again as one. */
describe.runIf(process.getuid?.() === 0)("as an ordinary user", () => {
  test("directories that sandboxed code closed to its user are merged, kept and counted", async () => {
    const { passed, failed, output } = await runAsUser(["test/local/closed-directories.test.ts"]);
    expect(failed).toEqual([]);
    expect(passed, output).toBeGreaterThan(3);
  }, 120_000);
});
