import { SandboxError } from "../../errors.js";

/** A config or a spec that can't be right: what the command line ends with 2 for. */
export function invalid(
  message: string,
  details: { path?: string | undefined; cause?: unknown } = {},
): SandboxError {
  return new SandboxError("INVALID_ARGUMENT", message, { operation: "validate", ...details });
}
