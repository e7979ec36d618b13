import { afterAll, beforeAll, expect, test } from "vitest";
import { type Compiled, compiled } from "../support/compiled.js";
import { processesWith } from "../support/host-processes.js";
import { describeWalls } from "../support/local-walls.js";
import { uniqueWord } from "../support/scratch.js";

const MODES = ["detached", "stopped", "vfork", "traced", "zombies", "leaderless", "namespace", "pipes"];
if (process.arch === "x64") MODES.push("takeover");

await describeWalls("what a command leaves running", ({ sandbox }) => {
  let programs: Compiled | undefined;
  beforeAll(() => {
    programs = compiled("survivor");
  });
  afterAll(() => programs?.remove());

  test.each(MODES)("%s: nothing of it is alive when the promise settles", async (mode) => {
    if (!programs) return expect.fail("these tests need a C compiler: install gcc and libc6-dev");
    const mark = uniqueWord();
    await using box = await sandbox().fork();
    await box.refreshFromHost(programs.directory, "/workspace/bin");
    await box.exec("echo 0 >alive");
    const loop = "while :; do date +%N >>alive; sleep 0.02; done";
    const { stdout, exitCode } = await box.exec(["bin/survivor", mode, "sh", "-c", loop, mark], {
      timeoutMs: 30_000,
    });
    const left = await processesWith(mark);
    expect(left).toEqual([]);
    expect(stdout).toContain("left");
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain("made a pid namespace");
    // It did go on for as long as it could, and not beyond.
    const written = (await box.readTextFile("alive")).length;
    expect(written).toBeGreaterThan(2);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await box.readTextFile("alive")).length).toBe(written);
  });
});
