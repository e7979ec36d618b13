import { inspect } from "node:util";
import { expect, test } from "vitest";
import { SandboxError } from "../../src/errors.js";

test("an error shows what it carries when it is printed, and nothing that it does not", () => {
  const bare = inspect(new SandboxError("NOT_FOUND", "stat /a: not there", { operation: "stat" }));
  expect(bare).toContain("operation: 'stat'");
  expect(bare).not.toContain("undefined");
  const full = { operation: "exec", path: "/a", stdout: "out", stderr: "err", durationMs: 5 };
  const error = new SandboxError("TIMEOUT", "exec: too slow", full);
  expect(error).toMatchObject(full);
  expect(inspect(error)).toMatch(/path: '\/a'.*stdout: 'out'.*stderr: 'err'.*durationMs: 5/s);
});
