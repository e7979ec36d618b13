import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Capabilities, Engine } from "../../src/engine.js";
import { SandboxError } from "../../src/errors.js";
import type { CreateOptions } from "../../src/options.js";

/** An engine the contract runs on, and where engines differ in size rather than in behaviour. */
export interface EngineUnderTest {
  name: "local" | "dagger";
  /** What `Sandbox.create` needs to use this engine. */
  options: Pick<CreateOptions, "engine" | "base" | "network">;
  /** An engine of the test's own, to be closed by it. */
  make(): Engine;
  capabilities: Capabilities;
  /** Enough commands to flatten a chain of layers twice, where the engine has one. */
  manyExecs: number;
  /** A deadline that a command surely lives to see. */
  deadlineMs: number;
}

/** An engine, or why this machine has none. */
export type Probe = EngineUnderTest | { name: EngineUnderTest["name"]; unavailable: string };

/** Engines this run must not go without: FORKBOX_REQUIRE_ENGINES=local,dagger. */
export function isRequired(name: string): boolean {
  return (process.env.FORKBOX_REQUIRE_ENGINES ?? "").split(",").includes(name);
}

/** Of the names of all state directories of one run, whose first process this is. */
export const statePrefix = (run: number): string => `forkbox-test-state-${run}-`;

/** Starts an engine once to see whether, and as what, it is here. */
export async function probe(engine: Omit<EngineUnderTest, "capabilities">): Promise<Probe> {
  // A state directory of this file's own, so that what is left behind can be told from other runs'.
  process.env.FORKBOX_STATE_DIR = await mkdtemp(join(tmpdir(), statePrefix(process.ppid)));
  const probed = engine.make();
  try {
    const capabilities = await probed.capabilities();
    // The default network is "on"; a machine without it still has all the rest of the contract to hold.
    const network = capabilities.network.on === true ? {} : { network: "off" as const };
    return { ...engine, options: { ...engine.options, ...network }, capabilities };
  } catch (error) {
    if (error instanceof SandboxError && error.code === "ENGINE_UNAVAILABLE") {
      return { name: engine.name, unavailable: error.message };
    }
    throw error;
  } finally {
    await probed.close();
  }
}
