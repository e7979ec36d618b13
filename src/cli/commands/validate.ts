import { Command, InvalidArgumentError, Option } from "commander";
import type { ReportFiles } from "../../validation/config/types.js";
import { type Registry, registryNames } from "../../validation/registries/registry.js";
import type { CandidatePlan, Report, ValidateSpec, ValidationEvent } from "../../validation/types.js";
import { EXIT, UsageError } from "../failure.js";
import type { Finish } from "../finish.js";
import { inFlags } from "../flag-names.js";
import { startGithub } from "../github.js";
import { interruptible } from "../interrupt.js";
import {
  addSandboxOptions,
  closeEngine,
  milliseconds,
  positive,
  positiveInteger,
  readSandboxFlags,
  type SandboxFlags,
} from "../sandbox-flags.js";
import { harmless, jsonText, theme } from "../view/terminal.js";

interface ValidateFlags extends SandboxFlags {
  config?: string;
  trustConfig?: boolean;
  git?: boolean;
  gitDir?: string;
  registry?: Registry[];
  printConfig?: boolean;
  out?: string;
  report?: WantedReports;
  check?: string[];
  jobs?: number;
  repeat?: number;
  failFast?: boolean;
  any?: boolean;
  timeout?: number;
  artifactsMib?: number;
  setupCache?: false;
  json?: boolean;
  verbose?: boolean;
  quiet?: boolean;
}

/** `github` has no file: it is said on the stream, and in the summary that GitHub Actions names. */
type WantedReports = ReportFiles & { github?: true };

export function validateCommand(finish: Finish): Command {
  const command = new Command("validate")
    .summary("build a project once, check it in parallel forks")
    .description("Build a project once in a sandbox and run all of its checks in parallel forks.")
    .argument("[dir...]", "the project, or several candidates for one (default: the current directory)")
    .optionsGroup("What is judged:")
    .option(
      "--config <file>",
      "an operator's config, for all candidates alike; may grant secrets, network, a base",
    )
    .option("--trust-config", "the project's own config is yours: let it grant what --config may")
    .option("--no-git", "leave out the project's git repository")
    .option("--git-dir <dir>", "the repository that a worktree or submodule of yours belongs to")
    .option("--print-config", "print the config that would be used, to start one from, and end")
    .option(
      "--check <name>",
      "only this check, and what it waits for (repeatable)",
      (name, before: string[] = []) => [...before, name],
    )
    .optionsGroup("How it runs:")
    .option("--jobs <n>", "steps at the same time (default: the number of CPUs, at least 4)", positiveInteger)
    .option("--repeat <n>", "run each check n times; those that disagree are flaky", positiveInteger)
    .option("--fail-fast", "cancel the rest at the first check that does not pass")
    .option("--any", "one candidate that passes is enough")
    .option("--timeout <time>", "deadline of each step that sets none: 90s, 5m… (default: 10m)", milliseconds)
    .option("--artifacts-mib <n>", "what the artifacts of one step may take (default: 2048)", positive)
    .addOption(new NoCache("--no-cache", "run setup even where its snapshot is cached, and replace that"))
    .optionsGroup("Output:")
    .option("--out <dir>", "where artifacts go (default: forkbox-out)")
    .option(
      "--report <format=file>",
      "write html=, json=, junit= or markdown=FILE, or say github (repeatable)",
      parseReport,
    )
    .option("--json", "print the report as JSON on stdout, and progress on stderr")
    .option("--verbose", "print all output as it comes")
    .option("--quiet", "print nothing but what did not pass");
  return addSandboxOptions(command)
    .optionsGroup("Network, environment and secrets:")
    .addOption(registryOption())
    .addHelpText("after", HELP)
    .action(async (directories: string[], flags: ValidateFlags) => finish(await run(directories, flags)));
}

function registryOption(): Option {
  const names = registryNames.join(", ");
  return new Option(
    "--registry <kind>",
    `setup and build get your own ${names} settings, tokens redacted (repeatable)`,
  ).argParser((text: string, before: Registry[] = []) => {
    const known = registryNames.find((name) => name === text);
    if (known === undefined) throw new InvalidArgumentError(`It is one of ${names}.`);
    return [...before, known];
  });
}

/** `--cache name=path` is another flag: commander would take `--no-cache` for its negation. */
class NoCache extends Option {
  override attributeName(): string {
    return "setupCache";
  }
}

async function run(directories: string[], flags: ValidateFlags): Promise<number> {
  if (flags.verbose && flags.quiet)
    throw new UsageError("--verbose and --quiet contradict each other", "Give one of them.");
  const spec = await readSpec(directories, flags);
  if (flags.printConfig) return printConfigs(spec);
  const [{ validate }, { chooseView }, { drawSummary }] = await Promise.all([
    import("../../validation/validate.js"),
    import("../view/view.js"),
    import("../view/summary.js"),
  ]);
  // With --json stdout is the report's alone.
  const stream = flags.json ? process.stderr : process.stdout;
  const github = flags.report?.github ? await startGithub(stream) : undefined;
  const view = await chooseView(stream, { verbose: flags.verbose === true, quiet: flags.quiet === true });
  let started = false;
  try {
    return await interruptible(async (signal) => {
      let noArtifacts = false;
      const show = (report: Report) => {
        view.end();
        if (flags.json) process.stdout.write(jsonText(report));
        const onlyProblems = flags.quiet === true;
        if (onlyProblems && report.passed) return;
        const lines = drawSummary(report, {
          columns: stream.columns ?? 120,
          theme: theme(stream),
          ...{ onlyProblems, reports: spec.reports ?? {}, noArtifacts },
        });
        stream.write(`${lines.join("\n")}\n`);
      };
      const onEvent = (event: ValidationEvent) => {
        started ||= event.type === "started";
        // Those of what runs are in the summary; one that comes before it may be why it is going to fail.
        if (event.type === "warning" && !started && !flags.quiet)
          process.stderr.write(`forkbox: ${harmless(inFlags(event.message))}\n`);
        if (event.type === "started") noArtifacts = !asksForArtifacts(event.candidates);
        // Nobody waits for the sandboxes to be deleted, which takes seconds where there were many files.
        if (event.type === "report") show(event.report);
        else view.event(event);
      };
      const report = await validate({ ...spec, signal, onEvent });
      await github?.write(report);
      return report.exitCode;
    }, view.stopping);
  } finally {
    view.end();
    await closeEngine(spec.engine);
  }
}

function asksForArtifacts(candidates: readonly CandidatePlan[]): boolean {
  return candidates.some(({ steps }) => steps.some(({ artifacts }) => artifacts !== undefined));
}

async function readSpec(directories: string[], flags: ValidateFlags): Promise<ValidateSpec> {
  const { github, ...reports } = flags.report ?? {};
  return {
    ...(await readSandboxFlags(flags)),
    ...(directories.length > 0 && { directories }),
    ...(flags.config !== undefined && { config: flags.config }),
    ...(flags.trustConfig && { trustConfig: true }),
    ...(flags.git === false && { git: false }),
    ...(flags.gitDir !== undefined && { gitDir: flags.gitDir }),
    ...(flags.registry && { registries: flags.registry }),
    ...(flags.out !== undefined && { out: flags.out }),
    ...(flags.report && { reports }),
    ...(flags.check && { checks: flags.check }),
    ...(flags.jobs !== undefined && { jobs: flags.jobs }),
    ...(flags.repeat !== undefined && { repeat: flags.repeat }),
    ...(flags.timeout !== undefined && { timeoutMs: flags.timeout }),
    ...(flags.artifactsMib !== undefined && { artifactsMiB: flags.artifactsMib }),
    ...(flags.failFast && { failFast: true }),
    ...(flags.any && { any: true }),
    ...(flags.setupCache === false && { fresh: true }),
  };
}

async function printConfigs(spec: ValidateSpec): Promise<number> {
  const { describeConfig } = await import("../../validation/config/print-config.js");
  const [directory = ".", ...others] = spec.directories ?? [];
  if (others.length > 0) throw new UsageError("--print-config is about one project", "Name one directory.");
  process.stdout.write(await describeConfig({ ...spec, directories: [directory] }));
  return EXIT.ok;
}

function parseReport(text: string, before: WantedReports = {}): WantedReports {
  if (text === "github") return { ...before, github: true };
  const at = text.indexOf("=");
  const format = text.slice(0, at);
  if (!/^(?:html|json|junit|markdown)$/.test(format) || at === text.length - 1)
    throw new InvalidArgumentError("It is html=FILE, json=FILE, junit=FILE, markdown=FILE or github.");
  return { ...before, [format]: text.slice(at + 1) };
}

const HELP = `
Examples:
  $ forkbox validate                                 the project that you are in
  $ forkbox validate app --report json=out.json --report junit=out.xml
  $ forkbox validate candidates/* --config checks.yaml --any
  $ forkbox validate app --config checks.yaml --databricks
  $ forkbox validate app --repeat 5                  find flaky checks
  $ forkbox validate app --print-config              a config to start from

Checks come from --config, else from the project's forkbox.yaml or package.json,
else from what is detected: --print-config says it with its reasons, and
docs/detection.md how. A project's own config can't grant itself anything.

Exit codes: 0 all passed (with --any: all of one candidate) · 1 not · 2 wrong
usage or config, or nothing to check · 3 no engine · 130 interrupted.`;
