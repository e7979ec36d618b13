import { expect, test } from "vitest";
import { SandboxError } from "../../../../src/errors.js";
import type { Sandbox } from "../../../../src/sandbox/sandbox.js";
import { endOf, Ground } from "../../../../src/validation/run/ground.js";
import { type Outcome, passed } from "../../../../src/validation/run/outcome.js";
import { expectCode } from "../../../support/errors.js";

const lost = () => new SandboxError("ENGINE_LOST", "the engine is gone", { operation: "stat" });

function sandbox(): Sandbox & { lose(): void } {
  let gone = false;
  return {
    stat: async () => {
      if (gone) throw lost();
    },
    close: async () => {},
    lose: () => {
      gone = true;
    },
  } as unknown as Sandbox & { lose(): void };
}

/** A ground whose engine is lost, and that is made again as these say, one after the other. */
function lostGround(...remakes: (() => Promise<Sandbox>)[]) {
  const first = sandbox();
  const made = { times: 0 };
  const ground = new Ground(first, async () => {
    const remake = remakes[made.times++];
    if (remake === undefined) throw new Error("made again too often");
    return remake();
  });
  first.lose();
  return { ground, first, made };
}

const failing = async () => {
  throw lost();
};

test("a ground is made again when it was lost, once for all that ask at once", async () => {
  const second = sandbox();
  const { ground, made } = lostGround(async () => second);
  expect(await Promise.all([ground.get(true), ground.get(true), ground.get(true)])).toEqual([
    second,
    second,
    second,
  ]);
  expect(await ground.get(false)).toBe(second);
  expect(made.times).toBe(1);
});

test("one that is still there is not made again", async () => {
  const first = sandbox();
  const ground = new Ground(first, failing);
  expect(await ground.get(true)).toBe(first);
});

test.each([false, true])(
  "what could not be made is made for the next that asks (again: %s)",
  async (again) => {
    const third = sandbox();
    const { ground, made } = lostGround(failing, async () => third);
    await expectCode(ground.get(true), "ENGINE_LOST");
    expect(await ground.get(again)).toBe(third);
    expect(await ground.get(false)).toBe(third);
    expect(made.times).toBe(2);
  },
);

test("who waits for what can't be made has it tried once more, one for all of them", async () => {
  const third = sandbox();
  let fail = () => {};
  const slow = () =>
    new Promise<Sandbox>((_, reject) => {
      fail = () => reject(lost());
    });
  const { ground, made } = lostGround(slow, async () => third);
  const first = expectCode(ground.get(true), "ENGINE_LOST");
  while (made.times === 0) await new Promise(setImmediate);
  const others = Array.from({ length: 4 }, () => ground.get(false));
  fail();
  await first;
  for (const other of others) expect(await other).toBe(third);
  expect(made.times).toBe(2);
});

test("a step that lost its engine again is run again for the next that asks", async () => {
  const third = sandbox();
  const outcome: Outcome = { ...passed, verdict: "error", error: { code: "ENGINE_LOST", message: "again" } };
  const { ground } = lostGround(
    async () => endOf("build", { outcome }),
    async () => third,
  );
  await expectCode(ground.get(true), "ENGINE_LOST");
  expect(await ground.get(false)).toBe(third);
});

test("a step that did not pass when it was run again is not run for every step after it", async () => {
  const outcome: Outcome = { ...passed, verdict: "failed", reason: "exit code 1" };
  const { ground, made } = lostGround(async () => endOf("build", { outcome }));
  for (const again of [true, false, true]) {
    const error = await expectCode(ground.get(again), "ENGINE_LOST");
    expect(error.message).toContain("build, which had passed, did not when it was run again: exit code 1");
  }
  expect(made.times).toBe(1);
});
