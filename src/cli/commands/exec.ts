import { fstatSync } from "node:fs";
import { Command } from "commander";
import { SandboxError } from "../../errors.js";
import type { ExecBytesOptions } from "../../options.js";
import type { Sandbox } from "../../sandbox/sandbox.js";
import { EXIT, reportFailure, UsageError } from "../failure.js";
import type { Finish } from "../finish.js";
import { interruptible } from "../interrupt.js";
import {
  addSandboxOptions,
  closeEngine,
  milliseconds,
  readSandboxFlags,
  type SandboxFlags,
} from "../sandbox-flags.js";
import { harmless, oneLine } from "../view/terminal.js";

interface ExecFlags extends SandboxFlags {
  import?: string[];
  export?: string[];
  workdir?: string;
  timeout?: number;
  json?: boolean;
}

/** As timeout(1) and docker say it. */
const TIMED_OUT = 124;
const FORKBOX_FAILED = 125;
const NOT_FOUND = 127;

export function execCommand(finish: Finish): Command {
  const list = (value: string, before: string[] = []) => [...before, value];
  const command = new Command("exec")
    .summary("run one command in a fresh sandbox")
    .description("Run one command in a fresh sandbox and throw the sandbox away.")
    .argument("<command...>", "program and arguments, after --")
    .usage("[options] -- <command...>")
    .passThroughOptions()
    .optionsGroup("Files and time:")
    .option(
      "--import <dir[:path]>",
      "copy a host directory in, to the workdir or a sandbox path (repeatable)",
      list,
    )
    .option(
      "--export <path:dir>",
      "copy a sandbox directory out afterwards, whatever the exit code (repeatable)",
      list,
    )
    .option("--workdir <path>", "where the command starts (default: /workspace)")
    .option("--timeout <time>", "stop it after 90s, 5m, 500ms…; a bare number is seconds", milliseconds);
  return addSandboxOptions(command)
    .optionsGroup("Output:")
    .option("--json", "print one JSON object at the end instead of the output as it comes")
    .addHelpText("after", HELP)
    .action(async (argv: string[], flags: ExecFlags) => finish(await run(argv, flags)));
}

async function run(argv: string[], flags: ExecFlags): Promise<number> {
  const imports = (flags.import ?? []).map(readImport);
  const exports = (flags.export ?? []).map(readExport);
  const options = await readSandboxFlags(flags);
  const { Sandbox } = await import("../../sandbox/sandbox.js");
  const inSandbox = async (signal: AbortSignal) => {
    await using sandbox = await Sandbox.create({
      ...options,
      ...(flags.workdir && { workdir: flags.workdir }),
      signal,
    });
    try {
      for (const { from, to } of imports) await sandbox.refreshFromHost(from, to, { signal });
      const code = await execAndPrint(sandbox, argv, flags, signal);
      if (code === NOT_FOUND) sayShell(argv);
      for (const { from, to } of exports) await sandbox.exportDirectory(from, to, { signal });
      return code;
    } catch (error) {
      if (signal.aborted) throw error;
      return commandFailure(error);
    }
  };
  try {
    return await interruptible(inSandbox);
  } finally {
    await closeEngine(options.engine);
    // A stdin that nobody read to its end would keep the process waiting for more.
    process.stdin.destroy();
  }
}

async function execAndPrint(
  sandbox: Sandbox,
  argv: string[],
  flags: ExecFlags,
  signal: AbortSignal,
): Promise<number> {
  const { commandOutput } = await import("../view/command-output.js");
  const output = commandOutput(flags.json === true);
  const options: ExecBytesOptions = {
    encoding: "bytes",
    signal,
    onStdout: output.stdout,
    onStderr: output.stderr,
    ...(flags.timeout !== undefined && { timeoutMs: flags.timeout }),
    ...(pipedStdin() && { stdin: process.stdin }),
  };
  try {
    const result = await sandbox.exec(argv, options);
    output.exited(result);
    if (result.exitCode !== 0) await sayWhatIsMissing(sandbox, result, signal);
    return result.exitCode;
  } catch (error) {
    output.stopped(error);
    throw error;
  }
}

/** A whole command line in one argument names no program: that takes a shell. */
function sayShell([program = "", ...others]: readonly string[]): void {
  if (others.length > 0 || !/[\s|&;<>()$`*?"']/.test(program)) return;
  const quoted = `'${program.replaceAll("'", `'\\''`)}'`;
  process.stderr.write(
    `forkbox: ${oneLine(program)} is no program. For a shell's command line: forkbox exec -- sh -c ${oneLine(quoted)}\n`,
  );
}

async function sayWhatIsMissing(
  sandbox: Sandbox,
  { stdout, stderr }: { stdout: Uint8Array; stderr: Uint8Array },
  signal: AbortSignal,
): Promise<void> {
  const { hintOfMissing } = await import("../../sandbox/internals.js");
  const output = Buffer.concat([stdout, stderr]).toString();
  const hint = await hintOfMissing(sandbox, output, signal).catch(() => undefined); // the exit code says it too
  if (hint !== undefined) process.stderr.write(`forkbox: ${harmless(hint)}\n`);
}

/** What a shell hands over: a pipe, a file or a socket. A terminal or a device is nobody's input. */
function pipedStdin(): boolean {
  try {
    const stdin = fstatSync(0);
    return stdin.isFIFO() || stdin.isFile() || stdin.isSocket();
  } catch {
    return false;
  }
}

function commandFailure(error: unknown): number {
  const code = reportFailure(error);
  if (error instanceof SandboxError && error.code === "TIMEOUT") return TIMED_OUT;
  return code === EXIT.failed ? FORKBOX_FAILED : code;
}

function readImport(text: string): { from: string; to: string } {
  const at = text.lastIndexOf(":");
  if (at === -1) return { from: text, to: "." };
  if (at === 0 || at === text.length - 1)
    throw new UsageError(
      `--import ${text}: it is DIR or DIR:PATH`,
      "For example: --import ./my-app:/workspace",
    );
  return { from: text.slice(0, at), to: text.slice(at + 1) };
}

function readExport(text: string): { from: string; to: string } {
  const at = text.indexOf(":");
  if (at < 1 || at === text.length - 1)
    throw new UsageError(`--export ${text}: it is PATH:DIR`, "For example: --export dist:./dist");
  return { from: text.slice(0, at), to: text.slice(at + 1) };
}

const HELP = `
Examples:
  $ forkbox exec -- node --version
  $ forkbox exec --import ./my-app --network off -- npm test
  $ forkbox exec --import . --export dist:./dist -- sh -c "npm ci; npm test"
  $ forkbox exec --timeout 30s --secret API_TOKEN -- ./smoke.sh
  $ tar c src | forkbox exec -- tar tv

Input that is piped or redirected becomes the command's. On a terminal, control
sequences are taken out of the output; in a pipe or a file it arrives byte for
byte, except for secrets.

Exit codes: the command's own (128 + n when signal n ended it) · 124 it ran out
of --timeout · 125 forkbox could not run it or copy its files · 2 wrong usage
· 3 no engine · 130 interrupted.`;
