import type { Base, Engine } from "../../src/engine.js";
import { type Probe, probe } from "./engines.js";

/** FORKBOX_TEST_DAGGER_BASE (JSON) replaces the default image where no registry can be reached. */
export async function probeDagger(): Promise<Probe> {
  // Named by a variable as long as it may be missing from a version.
  const module: string = "../../src/engines/dagger/index.js";
  const loaded = (await import(module).catch(() => undefined)) as { dagger: () => Engine } | undefined;
  if (loaded === undefined) {
    return { name: "dagger", unavailable: "this version of forkbox has no Dagger engine" };
  }
  const base = process.env.FORKBOX_TEST_DAGGER_BASE;
  return probe({
    name: "dagger",
    options: { engine: "dagger", ...(base === undefined ? {} : { base: JSON.parse(base) as Base }) },
    make: () => loaded.dagger(),
    manyExecs: 15,
    deadlineMs: 2500,
  });
}
