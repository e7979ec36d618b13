import type { LimitMet } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import type { Sandbox } from "../../sandbox/sandbox.js";
import type { Build, Step } from "../config/config.js";
import type { StepId } from "../types.js";
import { withArtifacts } from "./artifacts.js";
import type { CandidateContext } from "./context.js";
import { Deadline } from "./deadline.js";
import { exited, type Outcome, outcomeOf, passed } from "./outcome.js";
import { Tail } from "./tail.js";

/**
 * Runs a step's commands in a fork and exports its artifacts, in the step's time unless some of that is over.
 * `end` is the fork, the caller's to close, where it passed.
 */
export async function runInFork(
  context: CandidateContext,
  id: StepId,
  step: Step | Build,
  parent: Sandbox,
  deadline = new Deadline(step.timeoutMs),
): Promise<{ outcome: Outcome; end?: Sandbox }> {
  let fork: Sandbox | undefined;
  let outcome: Outcome;
  try {
    fork = await parent.fork({ signal: context.signal });
    outcome = await runCommands(context, id, step, fork, deadline);
    if ("artifacts" in step && step.artifacts.length > 0 && outcome.verdict !== "cancelled") {
      outcome = await withArtifacts(context, id, step, fork, outcome, deadline);
    }
  } catch (error) {
    outcome = outcomeOf(error, context.signal);
  }
  if (outcome.verdict === "passed" && fork !== undefined) return { outcome, end: fork };
  await fork?.close();
  return { outcome };
}

async function runCommands(
  context: CandidateContext,
  id: StepId,
  step: Step,
  sandbox: Sandbox,
  deadline: Deadline,
): Promise<Outcome> {
  const { environment } = context.candidate;
  const { emitter } = context.run;
  const tail = new Tail();
  const limitsMet = new Set<LimitMet>();
  const show = (stream: "stdout" | "stderr") => (text: string) => {
    if (context.can.liveOutput === "bytes") tail.push(text);
    emitter.emit({ type: "step-output", step: id, stream, text });
  };
  for (const command of step.commands) {
    try {
      const result = await sandbox.exec(command, {
        ...environment.of(id.kind, step),
        network: context.networkOf(id.kind, step),
        timeoutMs: deadline.left(),
        signal: context.signal,
        onStdout: show("stdout"),
        onStderr: show("stderr"),
      });
      // Live output that is best effort may miss some.
      if (context.can.liveOutput === "text") tail.push(result.stdout + result.stderr);
      for (const limit of result.limitsMet ?? []) limitsMet.add(limit);
      if (result.exitCode !== 0) {
        const { limits } = context.candidate.create;
        return { ...exited(result.exitCode, [...limitsMet], limits), tail: `${tail}` };
      }
    } catch (error) {
      if (tail.isEmpty && error instanceof SandboxError)
        tail.push(`${error.stdout ?? ""}${error.stderr ?? ""}`);
      return { ...outcomeOf(error, context.signal, step.timeoutMs), tail: `${tail}` };
    }
  }
  return passed;
}
