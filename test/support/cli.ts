import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What a run of the command line gave. */
export interface CliResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  cwd?: string;
  /** On top of the test's own environment; undefined takes a variable away. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Given to it as piped input. Left out: it has none. */
  input?: string;
}

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** The program and its first arguments: as built where FORKBOX_TEST_CLI names that, else from the sources. */
export const forkbox: readonly [string, ...string[]] = process.env.FORKBOX_TEST_CLI
  ? [process.execPath, process.env.FORKBOX_TEST_CLI]
  : [process.execPath, "--import", import.meta.resolve("tsx"), `${repository}/src/cli/main.ts`];

// Colours and CI's plain lines are a test's choice, not its caller's.
const unset = { NO_COLOR: undefined, FORCE_COLOR: undefined, CI: undefined };

/** Starts `forkbox` as a process of its own, for tests that stop it or write to it. */
export function startCli(args: readonly string[], options: CliOptions = {}): ChildProcess {
  const [program, ...first] = forkbox;
  return spawn(program, [...first, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...unset, ...options.env },
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
}

/** Runs `forkbox` to its end, with pipes instead of a terminal. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return finished(startCli(args, options), options.input);
}

/** Runs `forkbox` on a pseudo-terminal of 80 columns (script(1) makes it): stdout has all it shows. */
export async function runCliOnTerminal(
  args: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  return finished(startCliOnTerminal(args, options));
}

export function startCliOnTerminal(args: readonly string[], options: CliOptions = {}): ChildProcess {
  const quoted = [...forkbox, ...args].map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(" ");
  return spawn("script", ["-qefc", `stty cols 80 rows 24; exec ${quoted}`, "/dev/null"], {
    cwd: options.cwd,
    env: { ...process.env, TERM: "xterm-256color", ...unset, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** What a started process prints until it ends. Piped input stays open unless some is given. */
export async function finished(child: ChildProcess, input?: string): Promise<CliResult> {
  const result: CliResult = { exitCode: null, stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    result.stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    result.stderr += text;
  });
  child.stdin?.on("error", () => {});
  if (input !== undefined) child.stdin?.end(input);
  [result.exitCode] = (await once(child, "close")) as [number | null];
  return result;
}
