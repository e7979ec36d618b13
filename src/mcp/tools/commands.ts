import { z } from "zod";
import { SandboxError } from "../../errors.js";
import type { Box } from "../box.js";
import { failureOf, ToolError } from "../errors.js";
import { changedReadOnly } from "../read-only.js";
import { answerOf, runFacts } from "../runs/facts.js";
import { KeptOutput } from "../runs/kept-output.js";
import type { Outcome, Run } from "../runs/run.js";
import { search } from "../runs/search.js";
import { shown } from "../runs/shown.js";
import { beginning } from "../runs/tokens.js";
import { type Call, CHANGES, LOOKS, path, runId, sandboxId, tool, waitMs } from "../tool.js";

const LONGEST_TIMEOUT_MS = 24 * 60 * 60 * 1000;
const MOST_CHARACTERS = 12_000;
const READ_TOKENS = 3000;

const command = z.union([
  z
    .string()
    .min(1)
    .max(128 * 1024),
  z
    .array(z.string().max(128 * 1024))
    .min(1)
    .max(10_000),
]);

export const exec = tool({
  name: "exec",
  title: "Run a command",
  description:
    "Runs a command in a sandbox: a string for `sh -c`, or a list of program and arguments. It has no input, and starts in /workspace unless cwd says otherwise. Files that it changes stay; processes that it leaves in the background are killed when it ends. Commands in one sandbox run one after the other. Long output is cut in the middle: read_output has the rest. If it is still running after wait_ms, the answer has state running and a run_id for get_run. A command that is stopped, or meets its deadline, leaves the sandbox as it was.",
  hints: { ...CHANGES, openWorldHint: true },
  input: z.strictObject({
    sandbox_id: sandboxId,
    command: command.describe("Run by `sh -c` if it is a string."),
    cwd: path("Where it starts.").optional(),
    timeout_ms: z
      .int()
      .min(1)
      .max(LONGEST_TIMEOUT_MS)
      .optional()
      .describe("Milliseconds until it is killed. Left out: the operator's deadline, 10 minutes usually."),
    wait_ms: waitMs,
  }),
  output: runFacts,
  async call({ sandbox_id, command, cwd, timeout_ms, wait_ms }, call) {
    const box = call.client.box(sandbox_id);
    const what = typeof command === "string" ? command : command.join(" ");
    const run = call.client.start("exec", what, box, (run, signal) => {
      const options = {
        signal,
        ...(cwd !== undefined && { cwd }),
        ...(timeout_ms !== undefined && { timeoutMs: timeout_ms }),
      };
      return execIn(box, run, command, options);
    });
    return waited(run, wait_ms, call);
  },
});

async function execIn(
  box: Box,
  run: Run,
  command: string | readonly string[],
  options: { signal: AbortSignal; cwd?: string; timeoutMs?: number },
): Promise<Outcome> {
  const [stdout, stderr] = [run.output("stdout"), run.output("stderr")];
  const ended = box.sandbox.execWithTimeout(command, {
    ...options,
    onStdout: (text) => stdout.push(text),
    onStderr: (text) => stderr.push(text),
  });
  // In the same turn: nothing comes between the command and the look at what it did.
  const changed = changedReadOnly(box);
  try {
    const { exitCode, durationMs, droppedBytes, limitsMet = [], ...output } = await ended;
    // What comes while it runs is best effort on some engines.
    if (droppedBytes.stdout === 0) restate(run, "stdout", output.stdout);
    if (droppedBytes.stderr === 0) restate(run, "stderr", output.stderr);
    return { exitCode, durationMs, limitsMet, readOnlyChanged: await changed };
  } catch (error) {
    const durationMs = error instanceof SandboxError ? error.durationMs : undefined;
    await changed;
    return { failure: failureOf(error), ...(durationMs !== undefined && { durationMs }) };
  }
}

function restate(run: Run, stream: string, text: string): void {
  if (run.output(stream).length >= text.length) return;
  const whole = new KeptOutput();
  whole.push(text);
  run.outputs.set(stream, whole);
}

/** Waits with a run that a request started: when that is cancelled, so is the run. */
export async function waited(run: Run, milliseconds: number, { signal, beat }: Call) {
  await beat(() => run.newest, run.wait(milliseconds, signal));
  if (signal.aborted) await run.stop("its request was cancelled");
  return answerOf(run);
}

export const getRun = tool({
  name: "get_run",
  title: "Wait for a run",
  description:
    "Waits for a command or a validation that still runs, at most wait_ms, and says how it stands: its state, exit code and newest output. Call it again as long as state is running. Cancelling this call does not stop the run: stop_run does.",
  hints: LOOKS,
  input: z.strictObject({ run_id: runId, wait_ms: waitMs }),
  output: runFacts,
  async call({ run_id, wait_ms }, { client, signal, beat }) {
    const run = client.run(run_id);
    await beat(() => run.newest, run.wait(wait_ms, signal));
    return answerOf(run);
  },
});

export const stopRun = tool({
  name: "stop_run",
  title: "Stop a run",
  description:
    "Kills a command with all of its processes, or a validation. What it had printed can still be read; its sandbox is as it was before it. One that has ended already stays as it ended.",
  hints: { ...CHANGES, idempotentHint: true },
  input: z.strictObject({ run_id: runId }),
  output: runFacts,
  async call({ run_id }, { client }) {
    const run = client.run(run_id);
    await run.stop("stop_run was called");
    return { ...answerOf(run), failed: false };
  },
});

export const readOutput = tool({
  name: "read_output",
  title: "Read the output of a run",
  description:
    "Reads a part of what a run printed, while it runs too. Places are characters from the beginning; a negative offset counts from the end. With grep it gives the lines that contain a text instead, each with its offset, from offset on. Go on at next_offset where there is one.",
  hints: LOOKS,
  input: z.strictObject({
    run_id: runId,
    stream: z
      .string()
      .min(1)
      .max(200)
      .default("stdout")
      .describe("stdout or stderr of a command; of a validation one of the streams it names."),
    offset: z.int().default(0),
    limit: z.int().min(1).max(MOST_CHARACTERS).default(8000).describe("Characters."),
    grep: z
      .string()
      .min(1)
      .max(500)
      .optional()
      .describe(
        "Plain text that lines must contain, no regular expression; several with | between them. Case does not matter.",
      ),
  }),
  output: z.object({
    run_id: z.string(),
    stream: z.string(),
    state: z.string(),
    characters: z.int().describe("Of the stream in all."),
    offset: z.int().describe("Where this part begins."),
    next_offset: z.int().optional(),
    matches: z.int().optional(),
    text: z.string(),
  }),
  async call({ run_id, stream, offset, limit, grep }, { client }) {
    const run = client.run(run_id);
    const output = run.outputs.get(stream);
    if (!output) {
      const next = `It has ${[...run.outputs.keys()].slice(0, 50).join(", ") || "none yet"}.`;
      throw new ToolError("NOT_FOUND", `${run.id} has no stream ${stream}.`, next);
    }
    const from = offset < 0 ? Math.max(0, output.length + offset) : Math.min(offset, output.length);
    const facts = { run_id, stream, state: run.state, characters: output.length };
    if (grep !== undefined) {
      const found = search(output, grep, from, limit);
      return { facts: { ...facts, ...found }, blocks: ["text"] };
    }
    const part = output.slice(from, from + limit);
    const raw = beginning(part.text, READ_TOKENS);
    const next = part.from + raw.length;
    const more = next < output.length && raw.length > 0 ? { next_offset: next } : {};
    return { facts: { ...facts, offset: part.from, ...more, text: shown(raw) }, blocks: ["text"] };
  },
});
