import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { checkOptions, checkTimeout, shown } from "../arguments/arguments.js";
import { SandboxError } from "../errors.js";
import { compileGlobs } from "../host/selection/globs.js";
import type { CreateOptions } from "../options.js";
import { Redactor } from "../redaction/redactor.js";
import { type Authority, type Config, parseConfig } from "./config/config.js";
import { invalid } from "./config/invalid.js";
import { onlyChecks } from "./config/only-checks.js";
import { type ConfigSource, candidateConfig, givenConfig, operatorConfig } from "./config/source.js";
import type { ReportFiles } from "./config/types.js";
import { detectConfig } from "./detect/detect.js";
import { defaultSourcesExclude } from "./detect/setup-files.js";
import { realDirectory, uniqueNames } from "./directories.js";
import { readRegistries } from "./registries/registries.js";
import { affordableJobs } from "./run/open-files.js";
import { checkOutput, isWithin, withinGlob } from "./run/out.js";
import { StepEnvironment } from "./run/step-environment.js";
import type { ValidateSpec } from "./types.js";

/** What is going to run, after everything that can be wrong with it has been looked for. */
export interface Plan {
  candidates: (Candidate | RefusedCandidate)[];
  jobs: number;
  repeat: number;
  reports: ReportFiles;
  /** Knows every secret of every step. */
  redactor: Redactor;
}

export interface Candidate {
  name: string;
  directory: string;
  config: Config;
  /** Without environment and secrets: each step has its own. */
  create: CreateOptions;
  environment: StepEnvironment;
  /** Setup's. */
  caches: Readonly<Record<string, string>>;
  /** Never imported. */
  exclude: readonly string[];
  /** Not imported unless git tracks it. */
  excludeUntracked: readonly string[];
  /** Its git repository comes along. */
  git: boolean;
  /** A gitdir that its `.git` may lead to. */
  gitDir?: string;
  /** `<out>/<candidate>`. */
  out: string;
  /** What the artifacts of one step may take. */
  artifactsMiB: number;
  /** Export what builds and test runners usually leave, where nothing else was asked for. */
  usualOutputs: boolean;
  /** Milliseconds for the import of its sources. */
  timeoutMs: number;
}

/** Its own config was refused, or there is nothing in it to check. */
export interface RefusedCandidate {
  name: string;
  directory: string;
  error: SandboxError;
}

const DEFAULT_ARTIFACTS_MIB = 2048;

const specKeys = [
  ...([
    "directories",
    "config",
    "trustConfig",
    "engine",
    "base",
    "user",
    "git",
    "gitDir",
    "env",
    "secrets",
    "registries",
    "network",
  ] as const),
  ...([
    "limits",
    "artifactsMiB",
    "timeoutMs",
    "caches",
    "jobs",
    "repeat",
    "checks",
    "failFast",
    "any",
    "fresh",
    "out",
    "reports",
  ] as const),
  "onEvent",
] satisfies (keyof ValidateSpec)[];

/** Everything in it read once. */
export function checkSpec(spec: ValidateSpec): ValidateSpec {
  return checkOptions(spec, specKeys, "validate");
}

/**
 * @throws SandboxError INVALID_ARGUMENT for a spec or an operator's config that can't be right, and for a
 * candidate's when there is no other to run.
 */
export async function makePlan(given: ValidateSpec): Promise<Plan> {
  const spec = checkSpec(given);
  checkTimeout(spec.timeoutMs, "validate");
  checkArtifactsMiB(spec.artifactsMiB);
  const jobs = affordableJobs(positive(spec.jobs ?? Math.max(4, availableParallelism()), "jobs"));
  const repeat = positive(spec.repeat ?? 1, "repeat");
  const named = (spec.directories ?? ["."]).map((directory) => resolve(directory));
  if (named.length === 0) throw invalid("validate: directories is empty, so there is nothing to check");
  const directories = await Promise.all(named.map(realDirectory));
  const source = await givenSource(spec);
  const names = uniqueNames(named);
  const candidates = await Promise.all(
    directories.map((directory, index) =>
      planCandidate(spec, source, { directory, name: names[index] ?? directory, directories }),
    ),
  );
  const runnable = candidates.filter((candidate) => "config" in candidate);
  const [refused] = candidates.filter((candidate) => "error" in candidate);
  if (runnable.length === 0 && refused !== undefined) throw refused.error;
  const reportOf = (format: keyof ReportFiles) =>
    spec.reports?.[format] ?? runnable.find(({ config }) => config.reports[format])?.config.reports[format];
  const reports = {
    ...{ json: reportOf("json"), junit: reportOf("junit") },
    ...{ html: reportOf("html"), markdown: reportOf("markdown") },
  };
  for (const path of Object.values(reports)) {
    if (path !== undefined) await checkOutput(path, directories);
  }
  const secrets = runnable.flatMap(({ environment }) => environment.allSecrets);
  return { candidates, jobs, repeat, reports, redactor: Redactor.of(secrets) };
}

async function planCandidate(
  spec: ValidateSpec,
  given: ConfigSource | undefined,
  { directory, name, directories }: { directory: string; name: string; directories: readonly string[] },
): Promise<Candidate | RefusedCandidate> {
  let config: Config;
  let authority: Authority;
  try {
    ({ config, authority } = await configOf(directory, given, spec));
    config = onlyChecks(config, spec.checks);
  } catch (error) {
    // The operator's own mistake is nothing to judge a candidate by.
    if (given !== undefined || !(error instanceof SandboxError)) throw error;
    return { name, directory, error };
  }
  const outRoot = resolve(spec.out ?? config.out ?? "forkbox-out");
  const out = resolve(outRoot, name);
  for (const path of [outRoot, out]) await checkOutput(path, directories);
  const reports: ReportFiles = { ...config.reports, ...spec.reports };
  const written = [outRoot, ...Object.values(reports)].filter((path) => path !== undefined);
  const exclude = [
    ...(config.sources.exclude ?? ["*/**/.git"]),
    "forkbox-out",
    ...written.flatMap((path) => withinGlob(resolve(path), directory)),
  ];
  const registries = await readRegistries(spec.registries ?? config.registries);
  const engine = spec.engine ?? config.engine;
  const base = spec.base ?? config.base;
  const user = spec.user ?? config.user;
  return {
    name,
    directory,
    config,
    create: {
      ...(engine === undefined ? {} : { engine }),
      ...(base === undefined ? {} : { base }),
      ...(user === undefined ? {} : { user }),
      limits: tighter(spec.limits ?? {}, config.limits),
    },
    environment: new StepEnvironment(spec, config, registries),
    caches: { ...config.caches, ...spec.caches },
    exclude,
    excludeUntracked: config.sources.exclude === undefined ? defaultSourcesExclude : [],
    git: wantsGit(spec, config),
    ...(spec.gitDir === undefined ? {} : { gitDir: resolve(spec.gitDir) }),
    out,
    artifactsMiB: artifactsMiB(spec, config, authority),
    // Several are there to be compared: whoever wants what they made says so.
    usualOutputs: config.from === "detected" && directories.length === 1,
    timeoutMs: spec.timeoutMs ?? 600_000,
  };
}

async function givenSource({ config }: ValidateSpec): Promise<ConfigSource | undefined> {
  if (config === undefined) return undefined;
  return typeof config === "string" ? operatorConfig(resolve(config)) : givenConfig(config);
}

async function configOf(
  directory: string,
  given: ConfigSource | undefined,
  { trustConfig = false, timeoutMs }: ValidateSpec,
): Promise<{ config: Config; authority: Authority }> {
  const source = given ?? (await candidateConfig(directory));
  if (source === undefined) {
    const detected = givenConfig(await detectConfig(directory));
    const config = { ...parseConfig(detected, "candidate", timeoutMs), from: "detected" };
    return { config, authority: "candidate" };
  }
  // A file inside a candidate holds the candidate's words, whoever names it.
  const own = source.file !== undefined && (await isWithin(source.file, directory));
  const authority = own && !trustConfig ? "candidate" : "operator";
  return { config: parseConfig(source, authority, timeoutMs), authority };
}

/** Of each limit the smaller: a config can only tighten. Defaults stand where the operator said nothing. */
function tighter(operator: Config["limits"], config: Config["limits"]): Config["limits"] {
  const bound: Config["limits"] = { processes: 1024, outputBytes: 10 * 1024 * 1024, ...operator };
  const names = [
    ...new Set([...Object.keys(operator), ...Object.keys(config)]),
  ] as (keyof Config["limits"])[];
  return Object.fromEntries(
    names.map((name) => [
      name,
      Math.min(bound[name] ?? Number.POSITIVE_INFINITY, config[name] ?? Number.POSITIVE_INFINITY),
    ]),
  );
}

/** What hides a file by its path must not show it in the history. */
function wantsGit({ git }: ValidateSpec, { sources }: Config): boolean {
  const names = (option: "include" | "exclude") =>
    compileGlobs(sources[option] ?? [], { operation: "validate", option }).matches(".git");
  const left = names("exclude") || (sources.include !== undefined && !names("include"));
  return git ?? (sources.git !== false && !left);
}

/** Like {@link tighter}; an operator's config can also widen the default. */
function artifactsMiB(spec: ValidateSpec, config: Config, authority: Authority): number {
  const said = spec.artifactsMiB ?? (authority === "operator" ? config.artifactsMiB : undefined);
  return Math.min(said ?? DEFAULT_ARTIFACTS_MIB, config.artifactsMiB ?? Number.POSITIVE_INFINITY);
}

function checkArtifactsMiB(value: unknown): void {
  if (value === undefined || (typeof value === "number" && Number.isFinite(value) && value > 0)) return;
  throw invalid(`validate: artifactsMiB must be a number above 0, not ${shown(value)}`);
}

function positive(value: number, name: string): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw invalid(`validate: ${name} must be a whole number of at least 1, not ${value}`);
}
