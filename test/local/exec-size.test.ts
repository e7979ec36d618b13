import { expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { expectCode } from "../support/errors.js";
import { describeLocal } from "./base-sandbox.js";

describeLocal("a command that is too long", () => {
  const text = "x".repeat(100_000);
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`V${n}`, "v"]));

  test.each([
    ["in its arguments", ["echo", ...Array(40).fill(text)], {}, /2 MiB/],
    [
      "in its environment",
      ["env"],
      Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`V${n}`, text])),
      /2 MiB/,
    ],
    ["in the number of its arguments", ["echo", ...Array(10_000).fill("x")], {}, /9,000/],
    ["in the number of its variables", ["env"], many(4000), /9,000/],
  ])("%s is INVALID_ARGUMENT with the limit, and nothing changes", async (_, command, env, limit) => {
    await using sandbox = await Sandbox.create({ engine: "local", network: "off" });
    const error = await expectCode(sandbox.exec(command, { env }), "INVALID_ARGUMENT");
    expect(error.message).toMatch(limit);
    expect((await sandbox.exec("echo after")).stdout).toBe("after\n");
  });
});
