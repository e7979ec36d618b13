import { SHELL } from "../arguments/arguments.js";
import type { ExecOutcome } from "../engine.js";
import { type ErrorCode, messageOf, SandboxError } from "../errors.js";
import { redactError } from "../redaction/errors.js";
import type { Redactor } from "../redaction/redactor.js";
import type { AttachedFailure } from "./attached-streams.js";
import type { ExecCall } from "./exec-call.js";
import { stopError } from "./queue.js";
import type { Context } from "./state.js";

type Stop = Extract<ExecOutcome, { kind: "stopped" }>["why"];

/** What a stopped command had printed, and for how long it ran. */
interface Output {
  stdout: string | Uint8Array;
  stderr: string | Uint8Array;
  durationMs: number;
}

const LONGEST_SHOWN = 200;

/** What a command rejects with that the engine stopped. */
export function stoppedError(
  call: ExecCall,
  { settings, signal }: Context,
  why: Stop,
  redactor: Redactor,
  output: Output,
): SandboxError {
  const { operation, timeoutMs } = call;
  if (why === "abort") return stopError(operation, signal.reason, output);
  const [code, what, advice]: [ErrorCode, string, string] = {
    deadline: ["TIMEOUT", `did not end within ${timeoutMs} ms`, "Raise timeoutMs if it needs longer."],
    memory: [
      "LIMIT",
      `used more memory than limits.memoryMiB, ${settings.limits.memoryMiB} MiB`,
      "Raise the limit if it needs more.",
    ],
    disk: [
      "LIMIT",
      `wrote more to the disk than limits.diskMiB, ${settings.limits.diskMiB} MiB`,
      "Raise the limit if it needs more.",
    ],
  }[why] as [ErrorCode, string, string];
  const kept = "All of its processes were killed, and the sandbox is as it was before.";
  const message = `${operation}: ${shownCommand(call, redactor)} ${what}. ${kept} ${advice}`;
  return new SandboxError(code, message, { operation, ...output });
}

/** What a command rejects with that its engine ended under. */
export function lostError(
  operation: string,
  { code, message, cause }: SandboxError,
  redactor: Redactor,
  output: Output,
): SandboxError {
  return redactError(new SandboxError(code, message, { operation, cause, ...output }), redactor);
}

/** What a command rejects with that was stopped because code of the caller threw. */
export function attachedError(
  operation: string,
  { what, error }: AttachedFailure,
  redactor: Redactor,
  output: Output,
): SandboxError {
  const why = redactor.redactText(messageOf(error));
  const message = `${operation} was stopped because ${what} threw: ${why}. The sandbox is as it was before.`;
  return new SandboxError("ABORTED", message, { operation, cause: error, ...output });
}

function shownCommand({ argv }: ExecCall, redactor: Redactor): string {
  const throughShell = SHELL.every((part, at) => argv[at] === part);
  const text = redactor.redactText((throughShell ? argv.slice(SHELL.length) : argv).join(" "));
  return `\`${text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text}\``;
}
