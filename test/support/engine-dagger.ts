import type { Base } from "../../src/engine.js";
import { dagger } from "../../src/engines/dagger/index.js";
import { type Probe, probe } from "./engines.js";

/** FORKBOX_TEST_DAGGER_BASE (JSON) replaces the default image where no registry can be reached. */
export function probeDagger(): Promise<Probe> {
  const base = process.env.FORKBOX_TEST_DAGGER_BASE;
  return probe({
    name: "dagger",
    options: { engine: "dagger", ...(base === undefined ? {} : { base: JSON.parse(base) as Base }) },
    make: () => dagger(),
    manyExecs: 15,
    deadlineMs: 2500,
  });
}
