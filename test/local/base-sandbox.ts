import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Base, User } from "../../src/engine.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";

const engine = await probeLocal();

/** Users that sandboxes of this run's caller can have. */
export const users: User[] =
  "unavailable" in engine || engine.capabilities.users.root !== true ? ["sandbox"] : ["sandbox", "root"];
export const isRoot = process.getuid?.() === 0;

/** What the local engine can start from here. */
export const bases = "unavailable" in engine ? undefined : engine.capabilities.bases;

/** Tests that need the local engine; where there is none they are skipped, with the reason. */
export function describeLocal(title: string, tests: () => void): void {
  describe(title, () => {
    if (!("unavailable" in engine)) return tests();
    test("the local engine answers", (context) => {
      if (isRequired("local")) expect.fail(engine.unavailable);
      context.skip(engine.unavailable);
    });
  });
}

/** A sandbox of a base, closed after the test. */
export async function open(base: Base, user: User = "sandbox"): Promise<Sandbox> {
  const sandbox = await Sandbox.create({ engine: "local", base, user, network: "off" });
  onTestFinished(() => sandbox.close());
  return sandbox;
}

/** What a command prints in a sandbox of its own; it must exit with 0. */
export async function output(base: Base, command: string, user: User = "sandbox"): Promise<string> {
  const sandbox = await open(base, user);
  const result = await sandbox.exec(command);
  expect(`${result.exitCode} ${result.stderr}`).toBe("0 ");
  return result.stdout;
}

/** Names of what is kept of bases, without remembered digests. */
export async function keptBases(): Promise<string[]> {
  const names = await readdir(join(process.env.FORKBOX_STATE_DIR as string, "bases"));
  return names.filter((name) => !name.endsWith(".digest"));
}
