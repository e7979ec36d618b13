import {
  checkCommand,
  checkEnv,
  checkOptions,
  checkSecrets,
  checkTimeout,
  invalid,
  reading,
  shown,
} from "../arguments/arguments.js";
import { absolutePath, checkPath } from "../arguments/paths.js";
import type { Values } from "../arguments/variables.js";
import type { ExecOutcome, ExecRequest, RawOutput, StreamName } from "../engine.js";
import { SandboxError } from "../errors.js";
import type { Command, ExecBytesOptions, ExecOptions, ExecResult, StreamOptions } from "../options.js";
import { redactError } from "../redaction/errors.js";
import { performance } from "../timers.js";
import { AttachedStreams } from "./attached-streams.js";
import { checkNetwork, requireNetwork } from "./create-arguments.js";
import { secretValues, splitVariables, withVariables } from "./environment.js";
import type { ExecCall } from "./exec-call.js";
import { attachedError, lostError, stoppedError } from "./exec-errors.js";
import { type OutputCallback, type OutputCallbacks, plainBytes } from "./live-output.js";
import type { Context, Step } from "./state.js";
import { checkStdin } from "./stdin.js";

const KNOWN = [
  "cwd",
  "env",
  "secrets",
  "stdin",
  "timeoutMs",
  "network",
  "onStdout",
  "onStderr",
  "encoding",
] as const satisfies (keyof ExecOptions)[];

type Output = string | Uint8Array;

export function checkExec(
  command: Command,
  given: ExecOptions | ExecBytesOptions,
  operation: string,
): ExecCall {
  const options = checkOptions(given, KNOWN, operation);
  const { cwd = ".", timeoutMs, encoding = "utf8", onStdout, onStderr } = options;
  checkPath(cwd, operation, "cwd");
  checkTimeout(timeoutMs, operation);
  if (encoding !== "utf8" && encoding !== "bytes") {
    throw invalid(operation, `encoding must be "utf8" or "bytes", but is ${shown(encoding)}`);
  }
  return {
    operation,
    argv: checkCommand(command, operation),
    cwd,
    env: checkEnv(options.env, operation),
    secrets: checkSecrets(options.secrets, operation),
    timeoutMs,
    network: checkNetwork(options.network, operation),
    callbacks: {
      ...checkCallback("stdout", onStdout, operation),
      ...checkCallback("stderr", onStderr, operation),
    },
    encoding,
    // Last: from here on a stream is ours, and its errors too.
    stdin: reading(operation, "stdin", () => checkStdin(options.stdin, operation)),
    ...(options.signal && { signal: options.signal }),
  };
}

/** A command whose output goes to `callbacks`. */
export function checkStream(
  command: Command,
  given: StreamOptions,
  callbacks: Required<Pick<ExecOptions, "onStdout" | "onStderr">>,
): ExecCall {
  const known = KNOWN.filter((name) => !["onStdout", "onStderr", "encoding"].includes(name));
  return checkExec(command, { ...checkOptions<ExecOptions>(given, known, "stream"), ...callbacks }, "stream");
}

function checkCallback(
  stream: StreamName,
  callback: OutputCallback | undefined,
  operation: string,
): OutputCallbacks {
  if (callback === undefined) return {};
  if (typeof callback === "function") return { [stream]: callback };
  throw invalid(operation, `the callback for ${stream} must be a function, but is ${shown(callback)}`);
}

export async function runExec(call: ExecCall, context: Context): Promise<Step<ExecResult<Output>>> {
  const { engine, state } = context;
  const variables = withVariables(state.variables, call.env, call.secrets);
  const redactor = state.redactor.with(secretValues(variables));
  await context.beforeCommand(redactor);
  const attached = new AttachedStreams(call, redactor, context.signal);
  const request = await buildRequest(call, context, splitVariables(variables), attached);
  // The engine consumes the snapshot when the command exits; a callback may still throw then.
  if (attached.canFail) engine.retain(state.snapshot);
  let outcome: ExecOutcome | undefined;
  let durationMs: number;
  try {
    const started = performance.now();
    outcome = await engine.exec(state.snapshot, request, attached.onBytes);
    durationMs = Math.round(performance.now() - started);
  } catch (error) {
    throw error instanceof SandboxError ? redactError(error, redactor) : error;
  } finally {
    await attached.end(outcome?.kind !== "exited");
    const rolledBack = outcome?.kind === "exited" && attached.failure !== undefined;
    if (attached.canFail && !rolledBack) engine.release(state.snapshot);
  }
  const show = (raw: RawOutput) =>
    decode(redactor.redactOutput(raw, outcome.kind !== "exited"), call.encoding);
  const output = { stdout: show(outcome.stdout), stderr: show(outcome.stderr), durationMs };
  if (attached.failure) {
    if (outcome.kind === "exited") engine.release(outcome.snapshot);
    throw attachedError(call.operation, attached.failure, redactor, output);
  }
  if (outcome.kind === "stopped") throw stoppedError(call, context, outcome.why, redactor, output);
  if (outcome.kind === "lost") throw lostError(call.operation, outcome.error, redactor, output);
  const { exitCode, snapshot, stdout, stderr, limitsMet } = outcome;
  const droppedBytes = { stdout: stdout.droppedBytes, stderr: stderr.droppedBytes };
  const met = limitsMet === undefined ? {} : { limitsMet };
  return { value: { exitCode, ...output, droppedBytes, ...met }, next: { ...state, snapshot, redactor } };
}

async function buildRequest(
  call: ExecCall,
  { engine, settings, state, signal, sandbox }: Context,
  variables: { env: Values; secrets: Values },
  attached: AttachedStreams,
): Promise<ExecRequest> {
  const network = call.network ?? settings.network;
  if (network !== settings.network) {
    requireNetwork(engine.name, await engine.capabilities(signal), network, call.operation);
  }
  return {
    argv: call.argv,
    cwd: absolutePath(state.workdir, call.cwd, call.operation),
    user: settings.user,
    sandbox,
    ...variables,
    ...(attached.stdin && { stdin: attached.stdin }),
    ...(call.timeoutMs !== undefined && { deadlineMs: call.timeoutMs }),
    signal: attached.signal,
    network,
    limits: settings.limits,
    caches: settings.caches,
  };
}

function decode(bytes: Uint8Array, encoding: "utf8" | "bytes"): Output {
  return encoding === "bytes"
    ? plainBytes(bytes)
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
