import type { ValidateSpec } from "../src/validation/types.js";
import { validate } from "../src/validation/validate.js";
import { EXAMPLE } from "./example.js";
import { CannotRun, type Group } from "./group.js";
import { interleave } from "./measure.js";

/** From the call, with the engine not started yet. No build: that is the project's own time, every time. */
export const validateAgain: Group = {
  rows: ["validate-again"],
  async measure(place) {
    const spec: ValidateSpec = {
      directories: [place.copyOf(EXAMPLE)],
      config: { setup: "npm ci --no-audit --no-fund", checks: { first: "true", second: "true" } },
      engine: "local",
      out: place.fresh(),
    };
    const report = await validate(spec);
    if (!report.passed) {
      const [setup] = report.candidates[0]?.stages ?? [];
      throw new CannotRun(`the example can't be set up here: ${setup?.reason} ${setup?.tail}`);
    }
    return { "validate-again": await interleave(7, { ours: () => timeToFirstCheck(spec) }) };
  },
};

async function timeToFirstCheck(spec: ValidateSpec): Promise<number> {
  const started = performance.now();
  let first: number | undefined;
  const { passed } = await validate({
    ...spec,
    onEvent(event) {
      if (event.type === "step-started" && event.step.kind === "check") first ??= performance.now() - started;
    },
  });
  if (first === undefined || !passed) throw new Error("The second validation did not pass.");
  return first;
}
