import { whereIs } from "../../sandbox/internals.js";
import type { Sandbox } from "../../sandbox/sandbox.js";
import type { Step } from "../config/config.js";
import type { Causes } from "../output/causes.js";
import type { StepId } from "../types.js";
import type { CandidateContext } from "./context.js";
import type { Outcome } from "./outcome.js";

/** What people can't guess of why a step failed: that its network is off, or that a tool of theirs is not shown. */
export async function hintOf(
  context: CandidateContext,
  id: StepId,
  step: Step,
  sandbox: Sandbox,
  { offline, missing }: Causes,
  { verdict }: Outcome,
): Promise<string | undefined> {
  for (const program of new Set(missing)) {
    // The step has failed for a reason of its own, whatever comes of asking.
    const told = await whereIs(sandbox, program, context.signal).catch(() => undefined);
    if (told !== undefined) return told;
  }
  if (offline === undefined || verdict === "passed" || context.networkOf(id.kind, step) !== "off")
    return undefined;
  const key = id.kind === "check" ? `checks.${id.name}` : id.kind;
  return `it has no network here, and its output says ${offline}. If it may have one: { network: on } at ${key} in a config of yours (--config FILE), or --network on for all steps`;
}
