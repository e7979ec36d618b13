import { expect, test } from "vitest";
import { overRuns, worst } from "../../../../src/validation/run/verdicts.js";

test("what was not checked for want of its tool is no fault, and where nothing else ran nothing passed", () => {
  expect(worst(["passed", "skipped"])).toBe("passed");
  expect(worst(["skipped", "skipped"])).toBe("skipped");
  expect(worst(["passed", "skipped", "failed"])).toBe("failed");
});

test("runs that disagree are flaky", () => {
  expect(overRuns(["passed", "failed"])).toBe("flaky");
  expect(overRuns(["passed", "cancelled"])).toBe("cancelled");
  expect(overRuns(["skipped", "skipped"])).toBe("skipped");
});
