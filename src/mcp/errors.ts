import { messageOf, SandboxError } from "../errors.js";
import { inArguments } from "./argument-names.js";

/** What a tool could not do. `next` says what to do about it. */
export class ToolError extends Error {
  override readonly name = "ToolError";
  readonly code: string;
  readonly next: string;

  constructor(code: string, message: string, next: string) {
    super(message);
    this.code = code;
    this.next = next;
  }
}

/** What a client is told of a failure. */
export interface Failure {
  code: string;
  message: string;
  next: string;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ToolError) return { code: error.code, message: error.message, next: error.next };
  if (error instanceof SandboxError)
    return { code: error.code, message: inArguments(error.message), next: NEXT[error.code] ?? "" };
  return {
    code: "INTERNAL_ERROR",
    message: messageOf(error),
    next: "Try again; tell the operator if it stays.",
  };
}

const NEXT: Readonly<Record<string, string>> = {
  TIMEOUT: "Raise timeout_ms, or make the command do less. The sandbox is as it was before the command.",
  ABORTED: "Nothing was changed. Call it again if it is still wanted.",
  CLOSED: "The sandbox is closed. Create another one, or use one that exists.",
  INVALID_ARGUMENT: "Correct the argument and call it again.",
  NOT_FOUND: "Look with list_directory at what is there.",
  NOT_A_FILE: "Look with list_directory at what is there.",
  NOT_A_DIRECTORY: "Look with list_directory at what is there.",
  PERMISSION: "Choose a path that may be read or written, below /workspace say.",
  READ_ONLY_PATH: "The operator keeps this path as it is. Solve it without changing that file.",
  LIMIT: "Do less at once, or ask the operator to raise the limit.",
  UNSAFE_EXPORT: "Choose another host directory, or remove in the sandbox what is unsafe.",
  SECRET_LEAK: "Remove the credential from the files in the sandbox, then export again. Nothing was written.",
  UNSUPPORTED: "Do it another way, or ask the operator to start the server with other flags.",
  ENGINE_UNAVAILABLE: "Ask the operator to run `forkbox doctor`: no engine works on this machine.",
  ENGINE_LOST: "Create another sandbox: the engine under this one ended.",
  ENGINE_ERROR: "Try again; ask the operator to run `forkbox doctor` if it stays.",
};
