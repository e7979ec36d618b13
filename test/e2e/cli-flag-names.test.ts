import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../support/cli.js";
import { hostFiles } from "../support/scratch.js";

test.each([
  [["--memory-mib", "7.5"], "--memory-mib must be at least 8"],
  [["--memory-mib", "4"], "--memory-mib must be at least 8"],
  [["--cache", "a=rel"], "the path of --cache a must be absolute"],
  [["--workdir", "rel"], "--workdir must be absolute"],
  [["--timeout", "30d"], "--timeout must be from 1 ms to 24 days"],
  [["--base", "archive=/etc"], "is given as --base rootfs="],
  [["--base", "rootfs=/nonexistent-forkbox"], "/nonexistent-forkbox"],
  [["--host-path", "relative"], "--host-path"],
  [["--host-path", "/nonexistent-forkbox"], "--host-path"],
  [["--engine", "local", "--base", "dockerfile=/nonexistent-forkbox"], "--base dockerfile"],
  [["--cache", "a=/"], "--cache a can't be"],
])("an error of exec speaks of flags: %j", async (flags, expected) => {
  const { stderr, exitCode } = await runCli(["exec", ...flags, "--", "true"]);
  expect(stderr).toContain(expected);
  expect(stderr).not.toMatch(/limits\.|timeoutMs|base\.|maxBytes|create:|refreshFromHost:|exportDirectory:/);
  expect(exitCode).not.toBe(0);
});

test("an error of validate speaks of flags, in its lines and in its summary", async () => {
  const project = await hostFiles({ "forkbox.yaml": "checks: {a: 'true'}\n" });
  const late = await runCli(["validate", project, "--timeout", "30d"]);
  expect(late.stderr).toContain("--timeout must be from 1 ms to 24 days");
  const small = await runCli(["validate", project, "--memory-mib", "4", "--out", join(project, "..", "out")]);
  expect(small.stdout.match(/--memory-mib must be at least 8/g)?.length).toBeGreaterThan(1);
  expect(small.stdout).not.toContain("limits.");
});
