import { SandboxError } from "../../errors.js";
import type { ExecResult } from "../../options.js";
import { HarmlessStream, jsonText } from "./terminal.js";

/** Where the output of one command goes. */
export interface CommandOutput {
  stdout(chunk: Uint8Array): void;
  stderr(chunk: Uint8Array): void;
  exited(result: ExecResult<Uint8Array>): void;
  stopped(error: unknown): void;
}

/** As it comes, to stdout and stderr; or as one JSON object when it has ended. */
export function commandOutput(json: boolean): CommandOutput {
  return json ? jsonOutput() : liveOutput();
}

function liveOutput(): CommandOutput {
  const stdout = writer(process.stdout);
  const stderr = writer(process.stderr);
  const flush = () => {
    stdout.flush();
    stderr.flush();
  };
  return { stdout: stdout.write, stderr: stderr.write, exited: flush, stopped: flush };
}

function writer(stream: NodeJS.WriteStream) {
  if (!stream.isTTY) return { write: (chunk: Uint8Array) => void stream.write(chunk), flush: () => {} };
  const decoder = new TextDecoder();
  const filter = new HarmlessStream();
  return {
    write: (chunk: Uint8Array) => void stream.write(filter.push(decoder.decode(chunk, { stream: true }))),
    flush: () => void stream.write(filter.push(decoder.decode()) + filter.flush()),
  };
}

function jsonOutput(): CommandOutput {
  const print = (value: object) => process.stdout.write(jsonText(value));
  return {
    stdout: () => {},
    stderr: () => {},
    exited: (result) => print({ ...result, stdout: text(result.stdout), stderr: text(result.stderr) }),
    stopped: (error) => {
      if (!(error instanceof SandboxError)) return;
      const { code, message, stdout, stderr, durationMs } = error;
      print({ error: { code, message }, stdout: text(stdout), stderr: text(stderr), durationMs });
    },
  };
}

function text(output: string | Uint8Array | undefined): string {
  return typeof output === "string" ? output : new TextDecoder().decode(output);
}
