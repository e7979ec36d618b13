import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../support/cli.js";
import { hostDirectory, hostFiles } from "../support/scratch.js";
import { describeValidation } from "../support/validating.js";

const sparse = "mkdir dist; echo small >dist/a; truncate -s 10T dist/model.bin";

/** Runs `validate` on a project of this config; `out` is where its artifacts go. */
async function run(config: object, flags: readonly string[]) {
  const project = await hostFiles({ "forkbox.yaml": JSON.stringify(config) });
  const out = join(await hostDirectory(), "out");
  const result = await runCli(["validate", project, "--out", out, ...flags]);
  return { ...result, out: join(out, basename(project)) };
}

await describeValidation("artifacts", () => {
  test("of 10 TiB without a byte on the disk are refused, by name, and nothing of them lands", async () => {
    const build = { run: sparse, timeoutMs: 60_000, artifacts: ["dist/**"] };
    const { exitCode, stdout, out } = await run({ build, checks: { a: "true" } }, ["--disk-mib", "20"]);
    expect(stdout).toContain("may take 20 MiB a step (--disk-mib). The largest: dist/model.bin (10 TiB)");
    expect(stdout).toMatch(/^– a: skipped: needs build, which failed$/m);
    expect(exitCode).toBe(1);
    expect(existsSync(join(out, "build"))).toBe(false);
  });

  test("without a flag have a cap, too", async () => {
    const { exitCode, stdout, out } = await run({ checks: { a: { run: sparse, artifacts: ["dist"] } } }, []);
    expect(stdout).toContain("may take 2 GiB a step (--artifacts-mib). The largest: dist/model.bin (10 TiB)");
    expect(exitCode).toBe(1);
    expect(existsSync(join(out, "a"))).toBe(false);
  });

  test("have the cap of --artifacts-mib, which no candidate's own config can raise", async () => {
    const check = (mib: number) => ({ run: `head -c ${mib}M /dev/urandom >big`, artifacts: ["big"] });
    const flags = ["--artifacts-mib", "2"];
    const { exitCode, stdout, out } = await run({ checks: { fits: check(1), not: check(3) } }, flags);
    expect(stdout).toContain("may take 2 MiB a step (--artifacts-mib). The largest: big (3 MiB)");
    expect({ exitCode, kept: await readdir(out) }).toEqual({ exitCode: 1, kept: ["fits"] });
    const greedy = await run({ artifactsMiB: 9, checks: { not: check(3) } }, flags);
    expect(greedy.stdout).toContain("may take 2 MiB a step (--artifacts-mib). The largest: big (3 MiB)");
    expect({ exitCode: greedy.exitCode, kept: existsSync(greedy.out) }).toEqual({ exitCode: 1, kept: false });
  });

  // What a command did by its deadline is thrown away with it; those before it have ended.
  test("of the commands before the one that used up the time come", async () => {
    const slow = { run: ["echo so far >log", "sleep 600"], timeoutMs: 2000, artifacts: ["log"] };
    const { exitCode, stdout, out } = await run({ checks: { slow } }, []);
    expect(stdout).toMatch(/^✖ slow: timed out .*$/m);
    expect(exitCode).toBe(1);
    expect(await readFile(join(out, "slow", "log"), "utf8")).toBe("so far\n");
  });
});
