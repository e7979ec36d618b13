import { existsSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Slices } from "../../files/slices.js";
import { exportTree } from "../../host/export.js";
import { removeTree } from "../../host/remove.js";
import type { Sandbox } from "../../sandbox/sandbox.js";
import type { StepId, StepReport, ValidateSpec } from "../../validation/types.js";
import { failureOf, ToolError } from "../errors.js";
import type { McpOptions } from "../options.js";
import { KeptOutput } from "./kept-output.js";
import type { Outcome, Run, Validation, ValidationStep } from "./run.js";

/** Where a project is: on the host, or in a fork that was made for it. */
type Project =
  | { directory: string; fork?: undefined }
  | { fork: Sandbox; path: string; changed: Promise<string[]> };

const MOST_BYTES = 2 * 1024 ** 3;
/** What `validate` leaves out by default: it is made anew there. */
const MADE_ANEW = ["**/.git", "**/node_modules", "**/.venv"];
const STEP_HEAD = 32 * 1024;
const STEP_TAIL = 96 * 1024;
const MOST_STREAMS = 200;

/** Validates one project with the operator's options. `out` is asked when it is needed: what it leads to can change. */
export async function validateHere(
  run: Run,
  options: McpOptions,
  find: () => Project,
  out: () => string | undefined,
  signal: AbortSignal,
): Promise<Outcome> {
  const own = realpathSync(mkdtempSync(join(tmpdir(), "forkbox-mcp-")));
  const project = find();
  try {
    const directory = project.fork ? await copied(project, own, signal) : project.directory;
    const { validate } = await import("../../validation/validate.js");
    const spec: ValidateSpec = {
      ...options.sandbox,
      directories: [directory],
      timeoutMs: options.timeoutMs,
      out: join(own, "out"),
      signal,
      onEvent: (event) => {
        if (event.type === "step-output") streamOf(run, event.step)?.push(event.text);
      },
    };
    const report = await validate(spec);
    if (report.interrupted) throw signal.reason;
    // What was found stays what it is, whatever becomes of the artifacts.
    const failure = await deliver(join(own, "out"), out, signal).then(() => undefined, failureOf);
    const [candidate] = report.candidates;
    if (!candidate) throw new Error("the report has no candidate");
    const steps = [...candidate.stages, ...candidate.checks].map(stepOf);
    const { verdict, durationMs } = candidate;
    const validation: Validation = { passed: report.passed, verdict, warnings: report.warnings, steps };
    keepReport(run, {
      passed: report.passed,
      engine: report.engine,
      verdict,
      warnings: report.warnings,
      steps,
    });
    const readOnlyChanged = project.fork ? await project.changed : [];
    return { durationMs, validation, readOnlyChanged, ...(failure && { failure }) };
  } catch (error) {
    const failure = failureOf(error);
    // Where the copy was is nothing that a client could use.
    return { failure: { ...failure, message: failure.message.replaceAll(`${own}/`, "") } };
  } finally {
    await project.fork?.close();
    await removeTree(Buffer.from(own), new Slices("validate"));
  }
}

/** Not written there by the validation itself: what is placed like an export goes through no link on the way. */
async function deliver(made: string, out: () => string | undefined, signal: AbortSignal): Promise<void> {
  const to = out();
  if (to === undefined || !existsSync(made)) return;
  const { skipped } = await exportTree(made, to, { signal });
  const [first] = skipped;
  if (!first) return;
  const message = `validate: ${skipped.length} of the artifacts could not be put in ${to}: ${first.path}: ${first.reason}.`;
  throw new ToolError("UNSAFE_EXPORT", message, "Name another directory with artifacts_to.");
}

async function copied(
  { fork, path }: { fork: Sandbox; path: string },
  own: string,
  signal: AbortSignal,
): Promise<string> {
  // Not beside what is made there, whose name it may have.
  const directory = join(own, "project", basename(path.replace(/[/.]+$/, "")) || "project");
  await fork.exportDirectory(path, directory, { exclude: MADE_ANEW, maxBytes: MOST_BYTES, signal });
  return directory;
}

function streamOf(run: Run, { kind, name }: StepId): KeptOutput | undefined {
  const stream = kind === "check" ? `check:${name}` : kind;
  if (!run.outputs.has(stream) && run.outputs.size >= MOST_STREAMS) return undefined;
  return run.output(stream, () => new KeptOutput(STEP_HEAD, STEP_TAIL));
}

function stepOf(report: StepReport): ValidationStep {
  const { kind, name, verdict, reason, exitCode, durationMs, tail, artifacts } = report;
  return {
    kind,
    name,
    verdict,
    reason,
    ...(exitCode !== undefined && { exit_code: exitCode }),
    duration_ms: durationMs,
    tail: verdict === "passed" ? "" : tail,
    ...(artifacts && { artifacts: { files: artifacts.files, bytes: artifacts.bytes } }),
  };
}

/** First of the streams: what is cut from the answer is whole there. */
function keepReport(run: Run, report: object): void {
  const before = [...run.outputs];
  run.outputs.clear();
  run.output("report").push(JSON.stringify(report, undefined, 2));
  for (const [stream, output] of before) run.outputs.set(stream, output);
}
