import { SandboxError } from "../../../errors.js";

// What kept a command from running, or its result from being used.

export function lost(): SandboxError {
  return new SandboxError(
    "ENGINE_LOST",
    "exec: the local engine's process ended while the command ran. Nothing was changed; run it again.",
    { operation: "exec" },
  );
}

export function undead(): SandboxError {
  return new SandboxError(
    "ENGINE_LOST",
    "exec: the command was killed, but the kernel did not show within 10 s that all of its processes are gone. Nothing that it wrote is used. One of them waits in the kernel, for a disk or a network file system say; see what hangs on this machine.",
    { operation: "exec" },
  );
}

export function badInput(cause: unknown): SandboxError {
  return new SandboxError(
    "INVALID_ARGUMENT",
    `exec: the stream given as stdin failed: ${(cause as Error)?.message ?? cause}. The command was stopped and nothing was changed.`,
    { operation: "exec", cause },
  );
}

export function notStarted(reason: string): SandboxError {
  const tooLong = [
    [
      /Argument list too long/,
      "Linux takes a quarter of the stack's limit, mostly 2 MiB (`getconf ARG_MAX`)",
    ],
    [
      /Exceeded maximum number of arguments/,
      "bubblewrap takes 9,000 arguments, of which a variable needs three",
    ],
  ] as const;
  const [, limit] = tooLong.find(([pattern]) => pattern.test(reason)) ?? [];
  if (limit) {
    const message = `exec: the command's arguments and environment are too long together: ${limit}. Write what is long to a file with writeFile, or pass it as stdin.`;
    return new SandboxError("INVALID_ARGUMENT", message, { operation: "exec" });
  }
  if (/Can't chdir to .*: Permission denied/s.test(reason)) {
    const message = "exec: the sandbox's user may not go to the command's cwd. Nothing was run.";
    return new SandboxError("PERMISSION", message, { operation: "exec" });
  }
  const full = /No space left on device/.test(reason);
  return new SandboxError(
    full ? "LIMIT" : "ENGINE_ERROR",
    `exec: the sandbox could not be started: ${reason || "bwrap gave no reason"}. ${
      full ? "Free some space, or set FORKBOX_STATE_DIR to a larger disk." : "Run `forkbox doctor`."
    }`,
    { operation: "exec" },
  );
}
