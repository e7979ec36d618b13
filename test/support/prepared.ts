import { afterAll, afterEach, beforeAll } from "vitest";
import type { CreateOptions } from "../../src/options.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "./engines.js";
import { expectCode } from "./errors.js";

/** One sandbox a describe block; every test forks it, which costs next to nothing. */
export interface Prepared {
  fork(): Promise<Sandbox>;
}

export function prepare(
  engine: EngineUnderTest,
  options: CreateOptions = {},
  setUp: (sandbox: Sandbox) => Promise<unknown> = async () => undefined,
): Prepared {
  let parent: Sandbox;
  let forks: Sandbox[] = [];
  beforeAll(async () => {
    parent = await Sandbox.create({ ...engine.options, ...options });
    await setUp(parent);
  });
  afterEach(async () => {
    await Promise.all(forks.map((fork) => fork.close()));
    forks = [];
  });
  afterAll(() => parent?.close());
  return {
    async fork() {
      const fork = await parent.fork();
      forks.push(fork);
      return fork;
    },
  };
}

/**
 * A sandbox with an option that engines may be unable to honour. Where the engine says it can't, creation
 * must be UNSUPPORTED: that is asserted, and there is no sandbox.
 */
export async function createWhereSupported(
  engine: EngineUnderTest,
  support: true | string,
  options: CreateOptions,
): Promise<Sandbox | undefined> {
  const creation = Sandbox.create({ ...engine.options, ...options });
  if (support === true) return creation;
  await expectCode(creation, "UNSUPPORTED");
  return undefined;
}
