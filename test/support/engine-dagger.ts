import { describe, expect, test } from "vitest";
import type { Base } from "../../src/engine.js";
import { dagger } from "../../src/engines/dagger/index.js";
import { type EngineUnderTest, isRequired, type Probe, probe } from "./engines.js";

export function probeDagger(): Promise<Probe> {
  return probe({
    name: "dagger",
    options: { engine: "dagger", ...daggerBase() },
    make: () => dagger(),
    manyExecs: 15,
    deadlineMs: 2500,
  });
}

/** FORKBOX_TEST_DAGGER_BASE (JSON) replaces the default image where no registry can be reached. */
export function daggerBase(): { base?: Base } {
  const base = process.env.FORKBOX_TEST_DAGGER_BASE;
  return base === undefined ? {} : { base: JSON.parse(base) as Base };
}

/** Describes behaviour of the Dagger engine alone; one skipped test where it isn't here. */
export async function describeDagger(name: string, tests: (engine: EngineUnderTest) => void): Promise<void> {
  const engine = await probeDagger();
  describe(name, () => {
    if ("unavailable" in engine) {
      test("the dagger engine answers", (context) => {
        if (isRequired("dagger")) expect.fail(engine.unavailable);
        context.skip(engine.unavailable);
      });
      return;
    }
    tests(engine);
  });
}
