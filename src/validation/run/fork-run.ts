import type { LimitMet } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { systemCode } from "../../files/errors.js";
import { redactAlso } from "../../sandbox/internals.js";
import type { Sandbox } from "../../sandbox/sandbox.js";
import type { Build, Step } from "../config/config.js";
import { Log } from "../output/log.js";
import { StepOutput } from "../output/step-output.js";
import type { StepId } from "../types.js";
import { withArtifacts } from "./artifacts.js";
import type { CandidateContext } from "./context.js";
import { Deadline } from "./deadline.js";
import { judged } from "./judge.js";
import { exited, type Outcome, outcomeOf, passed } from "./outcome.js";
import { partsOf } from "./results.js";

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
  const log = logOf(context, id);
  const output = new StepOutput(log);
  let fork: Sandbox | undefined;
  let outcome: Outcome;
  try {
    fork = await parent.fork({ signal: context.signal });
    await redactAlso(fork, context.candidate.environment.tokens);
    outcome = await judged(
      context,
      id,
      step,
      fork,
      output,
      await runCommands(context, id, step, fork, deadline, output),
    );
    if (outcome.verdict !== "cancelled") {
      outcome = await withArtifacts(context, id, step, fork, outcome, deadline);
    }
  } catch (error) {
    outcome = outcomeOf(error, context.signal);
  } finally {
    log.close();
  }
  if (log.path !== undefined) outcome = { ...outcome, log: log.path };
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
  output: StepOutput,
): Promise<Outcome> {
  const { environment } = context.candidate;
  const { emitter } = context.run;
  const limitsMet = new Set<LimitMet>();
  const show = (stream: "stdout" | "stderr") => (text: string) => {
    if (context.can.liveOutput === "bytes") output.push(stream, text);
    emitter.emit({ type: "step-output", step: id, stream, text });
  };
  for (const command of step.commands) {
    try {
      const result = await sandbox.exec(environment.command(id.kind, step, command), {
        ...environment.of(id.kind, step),
        network: context.networkOf(id.kind, step),
        timeoutMs: deadline.left(),
        signal: context.signal,
        onStdout: show("stdout"),
        onStderr: show("stderr"),
      });
      // Live output that is best effort may miss some.
      if (context.can.liveOutput === "text") {
        output.push("stdout", result.stdout);
        output.push("stderr", result.stderr);
      }
      output.flush();
      for (const limit of result.limitsMet ?? []) limitsMet.add(limit);
      if (result.exitCode !== 0) {
        const { limits } = context.candidate.create;
        return { ...exited(result.exitCode, [...limitsMet], limits), tail: output.tail };
      }
    } catch (error) {
      if (output.isEmpty && error instanceof SandboxError) {
        output.push("stdout", `${error.stdout ?? ""}`);
        output.push("stderr", `${error.stderr ?? ""}`);
      }
      output.flush();
      return { ...outcomeOf(error, context.signal, step.timeoutMs), tail: output.tail };
    }
  }
  return passed;
}

function logOf(context: CandidateContext, id: StepId): Log {
  const { out } = context.candidate;
  return new Log(
    { directory: out, parts: partsOf(context, id) },
    (text) => context.run.emitter.redacted(text),
    (error) => {
      const why = systemCode(error) ?? (error instanceof Error ? error.message : String(error));
      context.warn(`what steps print is not kept as files: can't write to ${out} (${why})`);
    },
  );
}
