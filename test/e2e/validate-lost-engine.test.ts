import { expect, test } from "vitest";
import type { ValidationEvent } from "../../src/validation/types.js";
import { descendants } from "../support/leftovers.js";
import { describeValidation, validateConfig } from "../support/validating.js";

await describeValidation("an engine that is lost", () => {
  /** Kills what holds all sandboxes as soon as a step says that it is ready, at most so many times. */
  function killer(times: number) {
    let killed = 0;
    return async (event: ValidationEvent) => {
      if (event.type !== "step-output" || !event.text.includes("ready") || killed === times) return;
      killed++;
      // The engine's first process and the one below it that holds the mounts.
      for (const { pid } of (await descendants(process.pid)).slice(0, 2)) process.kill(pid, "SIGKILL");
    };
  }

  test.each([
    ["a check", { checks: { a: "echo ready; sleep 3" } }, "a"],
    ["a build", { build: "touch before; echo ready; sleep 3", checks: { a: "test -e before" } }, "build"],
  ])("once during %s has it run again, and says so", async (_, config, name) => {
    const { report, check, candidate } = await validateConfig(config, { onEvent: killer(1) });
    expect(check(name), JSON.stringify(check(name))).toMatchObject({ verdict: "passed", rerun: true });
    expect(report).toMatchObject({ passed: true, exitCode: 0 });
    expect(candidate.warnings).toEqual([`the engine was lost during ${name}, which was run again`]);
  });

  test("again is an error, with 3", async () => {
    const { report, check } = await validateConfig(
      { checks: { a: "echo ready; sleep 3" } },
      { onEvent: killer(2) },
    );
    expect(check("a")).toMatchObject({ verdict: "error", rerun: true, error: { code: "ENGINE_LOST" } });
    expect(check("a").tail).toBe("ready");
    expect(report).toMatchObject({ passed: false, exitCode: 3 });
  });
});
