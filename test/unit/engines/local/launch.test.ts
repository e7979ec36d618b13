import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { launch } from "../../../../src/engines/local/commands/launch.js";
import type { Slot } from "../../../../src/engines/local/commands/slots.js";
import type { Holder } from "../../../../src/engines/local/holder/holder.js";

/** A command of a bubblewrap that says so much on its status and ends. */
async function launched(status: string): Promise<unknown> {
  const [out, err, said, args] = [
    new PassThrough(),
    new PassThrough(),
    new PassThrough(),
    new PassThrough().resume(),
  ];
  const slot = {
    ...{ stdout: out, stderr: err, status: said },
    call: () => {},
    isStandingBy: () => true,
    openWriters: () => ({ args, stdin: undefined }),
  } as unknown as Slot;
  const holder = {
    ended: new Promise(() => {}),
    isRunning: () => false,
    send: () => {},
  } as unknown as Holder;
  const plan = { view: "1", top: "1", lower: "", scattered: true, enter: [], options: [], argv: ["true"] };
  const { ended } = launch(holder, slot, { ...plan, stdin: undefined, owner: undefined }, () => {});
  out.end();
  err.end("bwrap: said why");
  said.end(status);
  return ended;
}

const whole = ["started 7", '{ "child-pid": 8 }', '{ "exit-code": 3 }'].map((line) => `${line}\n`);

test("a whole status is the command's end", async () => {
  expect(await launched(whole.join(""))).toEqual({ kind: "exited", exitCode: 3 });
});

test.each([...whole.keys()])(
  "a status that ends anywhere in its line %i is a start that failed",
  async (at) => {
    const [line = "", before] = [whole[at], whole.slice(0, at).join("")];
    const parts = Array.from({ length: line.length - 1 }, (_, length) => before + line.slice(0, length));
    for (const end of await Promise.all(parts.map(launched)))
      expect(end).toEqual({ kind: "failed", reason: "bwrap: said why" });
  },
);
