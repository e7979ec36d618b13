import type { Base, LimitMet, Limits, NetworkMode, StreamName, User } from "../engine.js";
import type { ErrorCode } from "../errors.js";
import type { EngineChoice, Skipped } from "../options.js";
import type { ConfigFile, ReportFiles } from "./config/types.js";
import type { Registry } from "./registries/registry.js";

export type { ConfigFile } from "./config/types.js";
export type { Registry } from "./registries/registry.js";

/** What `validate` takes. Everything in it is the operator's word; a candidate's own config can't widen it. */
export interface ValidateSpec {
  /** Host directories to judge, each a candidate. Default: the current directory. */
  directories?: readonly string[];
  /**
   * A config file outside the candidates, or its content: it judges all of them alike and may grant secrets,
   * network, a base and so on. Left out: each candidate's `forkbox.yaml`, else the `forkbox` key of its
   * package.json, else what is detected.
   */
  config?: string | ConfigFile;
  /** The candidates' own config is one's own too: let it grant what an operator's may. Default false. */
  trustConfig?: boolean;
  /** What runs it. Default: the config's, else as in `CreateOptions`. */
  engine?: EngineChoice;
  /** What every step starts from. Default: the config's, else the engine's own. */
  base?: Base;
  /** Who runs the steps. Default: the config's, else "sandbox". */
  user?: User;
  /**
   * Bring the candidate's git repository: its history, index and tags, never its config, hooks and remotes. Default: the
   * config's `sources.git`, else true.
   */
  git?: boolean;
  /**
   * The host's repository (its `.git`, or `git rev-parse --git-dir`) of candidates that are linked worktrees or submodules
   * of one's own. A `.git` that leads anywhere out of its candidate is not followed otherwise.
   */
  gitDir?: string;
  /** Environment of every step. */
  env?: Readonly<Record<string, string>>;
  /** Secrets of every check. Setup and build get those that the operator's config lists for them. */
  secrets?: Readonly<Record<string, string>>;
  /**
   * The caller's own settings of private registries, for setup and build where they have a network; never for checks.
   * Their tokens are secrets: a setup that got one is not cached. Default: the config's, else none.
   */
  registries?: readonly Registry[];
  /** Network of every step. Left out: the config's, else on in setup and build, off in checks where the engine can. */
  network?: NetworkMode;
  /** What each command may use. A config can only tighten it. */
  limits?: Readonly<Limits>;
  /**
   * MiB that the artifacts of one step may take; more is failed, and nothing of them is exported. They count against
   * `limits.diskMiB`, too. Default 2048. A candidate's own config can only lower it.
   */
  artifactsMiB?: number;
  /** Milliseconds: the deadline of each step that sets none, its import and artifacts included. Default 600,000. */
  timeoutMs?: number;
  /** Name to absolute sandbox path. Writable in setup, empty elsewhere. Candidates that share one can poison each other. */
  caches?: Readonly<Record<string, string>>;
  /** Steps that run at the same time, over all candidates. Default: the number of CPUs, at least 4. */
  jobs?: number;
  /** How often each check runs. Runs that disagree make it flaky. Default 1. */
  repeat?: number;
  /** Only these checks, with those that they wait for. A candidate that has none of a name is refused. Default: all. */
  checks?: readonly string[];
  /** The first check that does not pass cancels what else runs (with `any`: of the same candidate). Default false. */
  failFast?: boolean;
  /** One candidate that passes is enough. Default false: all must. */
  any?: boolean;
  /** Run setup even where its snapshot is cached, and replace that. Default false. */
  fresh?: boolean;
  /** Directory for artifacts: `<out>/<candidate>/<step>/`. Never imported. Default `forkbox-out`. */
  out?: string;
  /** Report files, written atomically at the end. */
  reports?: ReportFiles;
  /** Aborts the validation: what runs is stopped, the report says cancelled, and nothing is left. */
  signal?: AbortSignal;
  /**
   * What happens, as it happens, redacted. Not awaited. One that throws, or whose promise rejects meanwhile, stops
   * the validation, which rejects with it.
   */
  onEvent?: (event: ValidationEvent) => void;
}

/**
 * What came of a step, or of a candidate.
 *
 * - `passed`: all of its commands ended with 0, and its artifacts could be exported
 * - `failed`: it ran and said no, or broke a limit, or would have exported a secret; or it is a detected check that is
 *   there to run tests, and its runners say that they ran none
 * - `timed-out`: it was still running at its deadline, and was killed
 * - `skipped`: something it needs did not pass
 * - `cancelled`: by fail-fast or an abort
 * - `flaky`: repeated runs disagreed
 * - `error`: it could not be run (engine, config, missing tool)
 */
export type Verdict = "passed" | "failed" | "timed-out" | "skipped" | "cancelled" | "flaky" | "error";

/** In this order. `sources` is the import of the project; `build` runs once; checks run in parallel forks. */
export type StepKind = "setup" | "sources" | "build" | "check";

/** One step of one candidate: names it in events. */
export interface StepId {
  /** The candidate's name. */
  candidate: string;
  /** What the step is. */
  kind: StepKind;
  /** The check's, else the kind. */
  name: string;
  /** 1 unless checks are repeated. */
  run: number;
}

/** What is planned for a candidate, before anything runs. */
export interface CandidatePlan {
  /** The last part of its directory's path; the second of a name gets `-2`, and so on. */
  name: string;
  /** Absolute host directory. */
  directory: string;
  /** Where its config came from: a file's path, "detected" or "given" (an object of the library's caller). */
  configFrom: string;
  /** All steps in the order of the config, checks with what they wait for. */
  steps: {
    /** What it is. */
    kind: StepKind;
    /** The check's, else the kind. */
    name: string;
    /** For `sh -c`, in order. Empty for sources. */
    commands: string[];
    /** Names of checks that must have passed before. */
    needs: string[];
    /** Globs of what is exported from it, the usual outputs of a detected build and of tests included. Left out where there are none. */
    artifacts?: string[];
  }[];
}

/** What happens in a validation, as `onEvent` hears it: an object with a `type`. Its texts are redacted. */
export type ValidationEvent =
  /** Once, before anything runs: what is planned, how many steps run at once, and how often each check. */
  | { type: "started"; candidates: CandidatePlan[]; jobs: number; repeat: number }
  /** `candidate` is its name. */
  | { type: "candidate-started"; candidate: string }
  /** It has a slot, and runs from now on. */
  | { type: "step-started"; step: StepId }
  /** What a command of the step printed: redacted text as it arrives, not split into lines. */
  | { type: "step-output"; step: StepId; stream: StreamName; text: string }
  /** Once for each step, with what came of it; also for steps that never started: skipped, cancelled. */
  | { type: "step-ended"; step: StepId; report: StepReport }
  /** A step's artifacts are on the host. Before its `step-ended`. */
  | { type: "artifacts-exported"; step: StepId; artifacts: Artifacts }
  /** Something that the operator should know and that fails nothing. Without `candidate`: of the whole validation. */
  | { type: "warning"; candidate?: string; message: string }
  /** All of its steps have ended. */
  | { type: "candidate-ended"; candidate: string; report: CandidateReport }
  /** Once, last. */
  | { type: "report"; report: Report };

/** What a validation found. Version 1: fields are added, not changed. */
export interface Report {
  /** Of this shape. */
  version: 1;
  /** Whether it passed: every candidate, or with `any` one of them. */
  passed: boolean;
  /** What a process should exit with. */
  exitCode: ExitCode;
  /** An abort ended it. */
  interrupted: boolean;
  /** Whether one candidate that passes was enough. */
  any: boolean;
  /** ISO 8601. */
  startedAt: string;
  /** Milliseconds. */
  durationMs: number;
  /** Name of the engine; several with commas. */
  engine: string;
  /** In the order of `directories`. */
  candidates: CandidateReport[];
  /** Those of all candidates, each with its name where there are several. */
  warnings: string[];
}

/** 0 passed · 1 did not pass · 2 usage or config · 3 no engine, or lost again after one rerun · 130 interrupted */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

/** What came of one candidate. */
export interface CandidateReport {
  /** As in its {@link CandidatePlan}. */
  name: string;
  /** Absolute host directory. */
  directory: string;
  /** As in its {@link CandidatePlan}. */
  configFrom: string;
  /** The worst of its steps: error, timed-out, failed, flaky, cancelled, passed. */
  verdict: Verdict;
  /** Why no step ran, when none did: a config that was refused, or nothing to check. */
  error?: StepError;
  /** Milliseconds. */
  durationMs: number;
  /** Setup, sources, build: those that the config has. */
  stages: StepReport[];
  /** In the order of the config. */
  checks: StepReport[];
  /** What fails nothing and should be known. */
  warnings: string[];
}

/** What came of one step. Whether it repeated or not, a check has one report; `runs` has each run's when there were several. */
export interface StepReport {
  /** What it is. */
  kind: StepKind;
  /** The check's, else the kind. */
  name: string;
  /** For `sh -c`, in order. Empty for sources. */
  commands: string[];
  /** Of all runs together. */
  verdict: Verdict;
  /** One line for people: "exit code 1", "ran no test", "needs build, which failed", "setup from the cache"… Empty when passed. */
  reason: string;
  /** Of the command that decided. */
  exitCode?: number;
  /** Limits that its commands ran into before it failed: starting another process was refused, say. */
  limitsMet?: LimitMet[];
  /** ISO 8601; left out when it never started. */
  startedAt?: string;
  /** Milliseconds, its import and artifacts included; 0 when it never started. Of several runs the longest. */
  durationMs: number;
  /** Setup came from the cache. */
  cached?: boolean;
  /** What it had. Left out for sources and for what never started. */
  network?: NetworkMode;
  /**
   * What the test runners that it ran say of themselves, added up; left out where none did. Of go's packages where
   * their tests are not named. It is the word of sandboxed code: it turns no failure into a pass.
   */
  tests?: TestCounts;
  /** What failed first, as the runner, compiler or linter printed it: name, message, place. Redacted; several lines. */
  firstFailure?: string;
  /** What people can't guess of why it failed, and what to do about it. */
  hint?: string;
  /** The last lines it printed, both streams as they came, redacted. Empty for what passed. */
  tail: string;
  /**
   * Absolute host path of all that it printed, redacted and without control sequences; what it holds at most is said
   * at its end. Left out where it printed nothing.
   */
  log?: string;
  /** What was exported; left out where it has none, or none could be. */
  artifacts?: Artifacts;
  /** Its engine was lost once and it was run again. */
  rerun?: boolean;
  /** Where its verdict is not that of an exit code. */
  error?: StepError;
  /** Each run of a repeated check. */
  runs?: StepReport[];
}

/** How many tests ended how. */
export interface TestCounts {
  /** Flaky ones that passed in the end are among them. */
  passed: number;
  /** Those that could not be run are among them. */
  failed: number;
  /** Those to be written, and those expected to fail, are among them. */
  skipped: number;
}

/** A {@link SandboxError} as a report has it. */
export interface StepError {
  /** What went wrong. */
  code: ErrorCode;
  /** The same for people, redacted. */
  message: string;
}

/** What a step's artifacts brought to the host. */
export interface Artifacts {
  /** Absolute host directory. */
  directory: string;
  /** Regular files and links. */
  files: number;
  /** Of those files together, by their lengths. */
  bytes: number;
  /** What could not be exported safely; at most 1000, then how many more. */
  skipped: Skipped[];
}
