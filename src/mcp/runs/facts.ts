import { z } from "zod";
import type { Answer } from "../tool.js";
import { linksTo } from "./resources.js";
import type { Run, Validation } from "./run.js";
import { beginning, end, excerpt } from "./tokens.js";

/** Of an answer, which is there twice: as structured content and as text. */
const OUTPUT_TOKENS = 2800;
const MOST_TAILS = 6;
const MOST_STEPS = 40;
const LONGEST_WHAT = 300;

const step = z.object({
  kind: z.string(),
  name: z.string(),
  verdict: z.string().describe("passed, failed, timed-out, skipped, cancelled, flaky or error"),
  reason: z.string(),
  exit_code: z.int().optional(),
  duration_ms: z.int(),
  tail: z.string().optional().describe("The last lines it printed, of steps that did not pass."),
  artifacts: z.object({ files: z.int(), bytes: z.int() }).optional(),
});

/** What is told of a run, by all tools that have to do with one. */
export const runFacts = z.object({
  run_id: z.string(),
  kind: z.enum(["exec", "validate"]),
  sandbox_id: z.string().optional(),
  what: z.string().describe("The command, or what is validated."),
  state: z.enum(["running", "exited", "stopped", "failed"]),
  exit_code: z
    .int()
    .optional()
    .describe("Of the command, once it exited. Not 0: it failed, and its changes are kept."),
  duration_ms: z.int(),
  stdout: z.string().optional().describe("Of a command: what it printed, or beginning and end of it."),
  stderr: z.string().optional(),
  newest_output: z.string().optional().describe("Of a validation that runs."),
  streams: z
    .array(z.object({ stream: z.string(), characters: z.int(), whole: z.boolean() }))
    .describe("What read_output can read. whole: all of it is in this answer."),
  limits_met: z.array(z.string()).optional(),
  read_only_changed: z
    .array(z.string())
    .optional()
    .describe("Paths that the operator wants kept as they were, and that commands changed. Put them back."),
  passed: z.boolean().optional().describe("Of a validation: whether all of its checks passed."),
  verdict: z.string().optional(),
  steps: z.array(step).optional().describe("Of a validation: setup, sources, build, and the checks."),
  steps_left_out: z.int().optional(),
  warnings: z.array(z.string()).optional(),
  error: z.object({ code: z.string(), message: z.string(), next: z.string() }).optional(),
  next: z.string().optional().describe("What to do now."),
});

/** A run as it stands, with as much of its output as a model should read. */
export function answerOf(run: Run): Answer {
  const { outcome } = run;
  const output = run.kind === "exec" ? execOutput(run) : validateOutput(run);
  const facts = {
    run_id: run.id,
    kind: run.kind,
    ...(run.sandboxId !== undefined && { sandbox_id: run.sandboxId }),
    what: run.what.slice(0, LONGEST_WHAT),
    state: run.state,
    ...(outcome.exitCode !== undefined && { exit_code: outcome.exitCode }),
    duration_ms: run.state === "running" ? run.ageMs : (outcome.durationMs ?? run.ageMs),
    ...(outcome.limitsMet && outcome.limitsMet.length > 0 && { limits_met: [...outcome.limitsMet] }),
    ...(outcome.readOnlyChanged &&
      outcome.readOnlyChanged.length > 0 && { read_only_changed: [...outcome.readOnlyChanged] }),
    ...output.facts,
    streams: output.streams,
    ...(outcome.failure && {
      error: { ...outcome.failure, message: beginning(outcome.failure.message, 400) },
    }),
    ...next(run),
  };
  const cut = output.streams.filter(({ whole }) => !whole).map(({ stream }) => stream);
  return {
    facts,
    blocks: ["stdout", "stderr"],
    links: linksTo(run, run.kind === "exec" ? cut : cut.slice(0, 1)),
    failed: run.state === "failed",
  };
}

function next(run: Run): { next?: string } {
  if (run.state === "running") return { next: "It still runs: wait with get_run, or end it with stop_run." };
  if (run.outcome.validation?.passed === false)
    return { next: "Repair what failed and validate again. read_output has all that a step printed." };
  return {};
}

function execOutput(run: Run) {
  const [stdout, stderr] = [run.output("stdout"), run.output("stderr")];
  // What one doesn't need the other may have.
  const first = excerpt(stderr, OUTPUT_TOKENS / 2);
  const costs = Math.min(OUTPUT_TOKENS / 2, Math.ceil(first.text.length / 2));
  const out = excerpt(stdout, OUTPUT_TOKENS - costs);
  const err = first.whole
    ? first
    : excerpt(stderr, Math.max(OUTPUT_TOKENS / 2, OUTPUT_TOKENS - Math.ceil(out.text.length / 2)));
  return {
    facts: { stdout: out.text, stderr: err.text },
    streams: [
      { stream: "stdout", characters: stdout.length, whole: out.whole },
      { stream: "stderr", characters: stderr.length, whole: err.whole },
    ],
  };
}

function validateOutput(run: Run) {
  const streams = [...run.outputs].map(([stream, { length }]) => ({
    stream,
    characters: length,
    whole: false,
  }));
  const shown = streams.slice(0, MOST_STEPS);
  const { validation } = run.outcome;
  if (validation === undefined) return { facts: { newest_output: end(run.newest, 200) }, streams: shown };
  return { facts: validationFacts(validation), streams: shown };
}

/** What did not pass comes first: it is what there is to do. */
function validationFacts({ passed, verdict, warnings, steps }: Validation) {
  const bad = steps.filter((one) => one.verdict !== "passed");
  const all = [...bad, ...steps.filter((one) => one.verdict === "passed")];
  const withTails = bad.filter(({ tail }) => tail !== "").slice(0, MOST_TAILS);
  const each = (OUTPUT_TOKENS * 0.7) / Math.max(1, withTails.length);
  return {
    passed,
    verdict,
    steps: all.slice(0, MOST_STEPS).map(({ tail, name, reason, ...rest }) => ({
      ...rest,
      name: name.slice(0, 64),
      reason: reason.slice(0, 160),
      ...(withTails.some((one) => one.name === name && one.kind === rest.kind) && { tail: end(tail, each) }),
    })),
    ...(all.length > MOST_STEPS && { steps_left_out: all.length - MOST_STEPS }),
    ...(warnings.length > 0 && { warnings: warnings.slice(0, 10).map((warning) => warning.slice(0, 200)) }),
  };
}
