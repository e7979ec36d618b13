import type { Sandbox } from "../../sandbox/sandbox.js";
import type { Step } from "../config/config.js";
import { NOT_CHECKED } from "../detect/detected.js";
import type { StepOutput } from "../output/step-output.js";
import type { StepId, TestCounts } from "../types.js";
import type { CandidateContext } from "./context.js";
import { hintOf } from "./hints.js";
import type { Outcome } from "./outcome.js";

/** Names and commands of what is there to run tests: of a linter nobody expects any. */
const TESTS =
  /(?:^|[^a-z])(?:tests?|specs?|e2e|smoke|pytest|unittest|jest|vitest|mocha|ava|tap|playwright|cypress|nextest|tox|nox)(?:$|[^a-z])|\b(?:mvnw?|gradlew?)\b.*\b(?:verify|check|build)\b/i;

/**
 * What its output adds to the end of a step: counts, what failed first, why. A step that ran no test has not passed,
 * where it was detected that it is there for that; who wrote a config knows what a check is for, and is warned.
 * Nothing that was printed makes a pass of a failure.
 */
export async function judged(
  context: CandidateContext,
  id: StepId,
  step: Step,
  sandbox: Sandbox,
  output: StepOutput,
  ended: Outcome,
): Promise<Outcome> {
  // What is detected runs no tests before its checks: `go test -exec=true`, which only builds them, says ok of each.
  const counted = id.kind !== "check" && isDetected(context) ? undefined : output.counted;
  const outcome = { ...ended, ...(counted && { tests: counted.tests }) };
  const judgement = counted?.none ? ranNone(context, id, step, outcome, counted.tests) : outcome;
  if (judgement.verdict === "passed") {
    const why = isDetected(context) ? notChecked(step, output) : undefined;
    if (why !== undefined) return { ...judgement, verdict: "skipped", reason: why };
    if (counted !== undefined && counted.tests.failed > 0)
      context.warn(
        `${id.name} ended with 0, although its tests failed: ${counted.tests.failed} by their runner's count`,
      );
    return judgement;
  }
  if (judgement.verdict === "cancelled") return judgement;
  const missing = output.causes.missing.at(-1);
  const notFound = judgement.exitCode === 127 && missing !== undefined;
  const { firstFailure } = output;
  const hint = await hintOf(context, id, step, sandbox, output.causes, judgement);
  return {
    ...judgement,
    tail: output.tail,
    ...(notFound && { reason: `exit code 127: ${missing} was not found` }),
    ...(firstFailure !== "" && { firstFailure }),
    ...(hint !== undefined && { hint }),
  };
}

function ranNone(
  context: CandidateContext,
  { kind, name }: StepId,
  { commands }: Step,
  outcome: Outcome,
  { skipped }: TestCounts,
): Outcome {
  if (kind !== "check" || !(TESTS.test(name) || commands.some((command) => TESTS.test(command))))
    return outcome;
  const none = skipped === 0 ? "ran no test" : `ran no test: all ${skipped} were skipped`;
  const { verdict, exitCode, limitsMet } = outcome;
  // A limit that was met, or a signal, says more.
  if (verdict === "failed" && exitCode !== undefined && exitCode < 126 && limitsMet === undefined)
    return { ...outcome, reason: `${none} (exit code ${exitCode})` };
  if (verdict !== "passed") return outcome;
  if (isDetected(context)) return { ...outcome, verdict: "failed", reason: none, exitCode: 0 };
  context.warn(`${name} passed and ${none}`);
  return outcome;
}

function isDetected({ candidate }: CandidateContext): boolean {
  return candidate.config.from === "detected";
}

/** What a detected command says that could only look whether its tool is there. Others' words are the candidate's. */
function notChecked({ commands }: Step, { tail }: StepOutput): string | undefined {
  if (!commands.some((command) => command.includes(NOT_CHECKED))) return undefined;
  const last = tail.slice(tail.lastIndexOf("\n") + 1);
  return last.startsWith(NOT_CHECKED) ? last.slice(NOT_CHECKED.length).trim() : undefined;
}
