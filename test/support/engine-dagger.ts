import type { Base } from "../../src/engine.js";
import { dagger } from "../../src/engines/dagger/index.js";
import { type Probe, probe } from "./engines.js";

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
