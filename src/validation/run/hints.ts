import type { Step } from "../config/config.js";
import type { Causes } from "../output/causes.js";
import type { StepId } from "../types.js";
import type { CandidateContext } from "./context.js";
import { findOnPath } from "./host-programs.js";
import type { Outcome } from "./outcome.js";

/** What people can't guess of why a step failed: that its network is off, or that a tool of theirs is not shown. */
export async function hintOf(
  context: CandidateContext,
  id: StepId,
  step: Step,
  { offline, missing }: Causes,
  { verdict }: Outcome,
): Promise<string | undefined> {
  for (const program of showsHost(context) ? new Set(missing) : []) {
    const found = await findOnPath(program);
    if (found === undefined) continue;
    const paths = found.paths.map((path) => `--host-path ${path}`).join(" ");
    return `${program} is in ${found.directory} on this machine, which sandboxes don't show: ${paths}`;
  }
  if (offline === undefined || verdict === "passed" || context.networkOf(id.kind, step) !== "off")
    return undefined;
  const key = id.kind === "check" ? `checks.${id.name}` : id.kind;
  return `it has no network here, and its output says ${offline}. If it may have one: { network: on } at ${key} in a config of yours (--config FILE), or --network on for all steps`;
}

function showsHost({ candidate, engine }: CandidateContext): boolean {
  return "host" in (candidate.create.base ?? engine.defaultBase);
}
