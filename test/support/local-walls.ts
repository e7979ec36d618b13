import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Capabilities, NetworkMode, User } from "../../src/engine.js";
import { SandboxError } from "../../src/errors.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { probeLocal } from "./engine-local.js";
import { isRequired } from "./engines.js";

/** A sandbox of each kind of wall: both networks, both users. */
export interface Walls {
  network: NetworkMode;
  user: User;
  sandbox(): Sandbox;
}

/** Runs tests within each kind of wall of the local engine; as which caller, the run decides. */
export async function describeWalls(title: string, tests: (walls: Walls) => void): Promise<void> {
  const engine = await probeLocal();
  const caller = process.getuid?.() === 0 ? "root" : "an ordinary user";
  describe(`${title}, called by ${caller}`, () => {
    if ("unavailable" in engine) {
      test("the local engine answers", (context) => {
        if (isRequired("local")) expect.fail(engine.unavailable);
        context.skip(engine.unavailable);
      });
      return;
    }
    for (const user of ["sandbox", "root"] as const) {
      for (const network of ["on", "off"] as const) {
        describe(`user ${user}, network ${network}`, () =>
          oneKind(engine.capabilities, { user, network }, tests));
      }
    }
  });
}

function oneKind(
  capabilities: Capabilities,
  kind: { user: User; network: NetworkMode },
  tests: (walls: Walls) => void,
): void {
  const unsupported = [capabilities.users[kind.user], capabilities.network[kind.network]].find(
    (each) => each !== true,
  );
  if (unsupported !== undefined) {
    test("is UNSUPPORTED here, never something weaker", async () => {
      const error = await Sandbox.create({ engine: "local", ...kind }).catch((reason) => reason);
      expect(error).toBeInstanceOf(SandboxError);
      expect(error.code).toBe("UNSUPPORTED");
    });
    return;
  }
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await Sandbox.create({ engine: "local", ...kind });
  });
  afterAll(() => sandbox?.close());
  tests({ ...kind, sandbox: () => sandbox });
}
