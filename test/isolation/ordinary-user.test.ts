import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runAsUser } from "../support/as-user.js";
import { asEnvironment, plantCanaries } from "../support/canaries.js";

/** What holds for root must hold for an ordinary user: the same files, run again as one. */
describe.runIf(process.getuid?.() === 0)("as an ordinary user", () => {
  let planted: ReturnType<typeof plantCanaries>;
  beforeAll(() => {
    planted = plantCanaries();
  });
  afterAll(() => planted?.remove());

  test.each([
    ["the contract on the local engine", ["test/contract/local.test.ts"], 450],
    [
      "isolation",
      [
        "files",
        "hostile-trees",
        "kernel",
        "network",
        "own-networks",
        "passed-pipes",
        "processes",
        "services",
        "survivors",
        "swapped-directories",
      ].map((name) => `test/isolation/${name}.test.ts`),
      80,
    ],
  ])(
    "%s holds",
    async (what, files, atLeast) => {
      const { passed, failed, output } = await runAsUser(files, asEnvironment(planted.canaries));
      console.log(`${what}, as an ordinary user: ${passed} passed, ${failed.length} failed`);
      expect(failed).toEqual([]);
      expect(passed, output).toBeGreaterThan(atLeast);
    },
    600_000,
  );
});
