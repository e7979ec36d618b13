import { appendFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeVictims, type Victim } from "../support/dagger-victim.js";
import { hostDirectory, hostFiles } from "../support/scratch.js";
import { printed, validated } from "../support/validating.js";

const RANDOM = "cat /proc/sys/kernel/random/uuid";

/** A kept setup is a recipe: an engine that lost what came of it makes it anew, from what lies there now. */
describeVictims("a kept setup", 1, (victim) => {
  /** What setup made of the lockfile, and a number that only its run knows. */
  const validate = async (stateDirectory: string, directory: string) => {
    const { engine, ...options } = victim.options({ stateDirectory });
    await using _ending = engine;
    const { verdicts, check, events } = await validated({
      ...options,
      engine,
      directories: [directory],
      config: {
        setup: { run: `cp package-lock.json made; ${RANDOM} > id`, files: ["package-lock.json"] },
        checks: { a: "cat made; echo; cat id" },
      },
    });
    expect(verdicts).toEqual({ setup: "passed", a: "passed" });
    const [made, id] = printed(events, "a").split("\n");
    return { made, id, cached: check("setup").cached ?? false };
  };

  const ways: { what: string; act: (victim: Victim, state: string) => Promise<unknown>; kept: boolean }[] = [
    { what: "is found again", act: async () => undefined, kept: true },
    {
      what: "is made again when other content was put where it was staged",
      act: (_, state) => spoil(state),
      kept: false,
    },
    { what: "is made again when the engine was wiped", act: (engine) => engine.replace(), kept: false },
    {
      what: "is made again, of what the project has, when the engine was wiped and its staged files changed",
      act: async (engine, state) => Promise.all([engine.replace(), spoil(state)]),
      kept: false,
    },
  ];

  for (const { what, act, kept } of ways) {
    test(what, async () => {
      const state = await hostDirectory();
      const project = await hostFiles({ "package-lock.json": "the lockfile" });
      const first = await validate(state, project);
      expect(first).toMatchObject({ made: "the lockfile", cached: false });
      await act(victim, state);
      const second = await validate(state, project);
      expect(second).toMatchObject({ made: "the lockfile", cached: kept });
      expect(second.id === first.id).toBe(kept);
      const third = await validate(state, project);
      expect(third).toEqual({ ...second, cached: true });
    });
  }
});

/** Puts other content into every file that is staged for kept setups. */
async function spoil(state: string): Promise<void> {
  let spoiled = 0;
  for (const entry of await readdir(state, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || !path.includes("/staged/")) continue;
    await appendFile(path, "spoiled");
    spoiled++;
    expect(await readFile(path, "utf8")).toContain("spoiled");
  }
  expect(spoiled).toBeGreaterThan(0);
}
