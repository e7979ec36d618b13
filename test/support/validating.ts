import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type {
  CandidateReport,
  Report,
  StepReport,
  ValidateSpec,
  ValidationEvent,
} from "../../src/validation/types.js";
import { validate } from "../../src/validation/validate.js";
import { probeLocal } from "./engine-local.js";
import { isRequired } from "./engines.js";
import { hostDirectory, hostFiles } from "./scratch.js";

/** Describes behaviour on the local engine; one skipped test where it isn't here. */
export async function describeValidation(name: string, tests: () => void): Promise<void> {
  const engine = await probeLocal();
  describe(name, () => {
    if ("unavailable" in engine) {
      test("the local engine answers", (context) => {
        if (isRequired("local")) expect.fail(engine.unavailable);
        context.skip(engine.unavailable);
      });
      return;
    }
    tests();
  });
}

export interface Validated {
  report: Report;
  /** The only candidate. */
  candidate: CandidateReport;
  events: ValidationEvent[];
  /** Where artifacts went. */
  out: string;
  check(name: string): StepReport;
  verdicts: Record<string, string>;
}

/** Validates a project of these files, with artifacts in a directory that is gone after the test. */
export async function validateFiles(
  files: Record<string, string>,
  spec: ValidateSpec = {},
): Promise<Validated> {
  return validated({ directories: [await hostFiles(files)], ...spec });
}

/** The same for `checks` in a config of the project's own. */
export function validateConfig(config: object, spec: ValidateSpec = {}): Promise<Validated> {
  return validateFiles({ "forkbox.yaml": JSON.stringify(config) }, spec);
}

export async function validated(spec: ValidateSpec): Promise<Validated> {
  const out = spec.out ?? join(await hostDirectory(), "out");
  const events: ValidationEvent[] = [];
  const onEvent = (event: ValidationEvent) => {
    events.push(event);
    spec.onEvent?.(event);
  };
  const report = await validate({ engine: "local", out, ...spec, onEvent });
  const [candidate] = report.candidates;
  if (candidate === undefined) throw new Error("a report has at least one candidate");
  const check = (name: string) => {
    const found = [...candidate.stages, ...candidate.checks].find((step) => step.name === name);
    if (found === undefined) throw new Error(`no step ${name} in ${JSON.stringify(candidate)}`);
    return found;
  };
  const steps = [...candidate.stages, ...candidate.checks].filter(({ kind }) => kind !== "sources");
  const verdicts = Object.fromEntries(steps.map(({ name, verdict }) => [name, verdict]));
  return { report, candidate, events, out, check, verdicts };
}

/** The names of steps in the order they started. */
export function started(events: readonly ValidationEvent[]): string[] {
  return events.flatMap((event) => (event.type === "step-started" ? [event.step.name] : []));
}

/** What a step printed, of both streams. */
export function printed(events: readonly ValidationEvent[], name: string): string {
  return events
    .flatMap((event) => (event.type === "step-output" && event.step.name === name ? [event.text] : []))
    .join("");
}
