import type { Base, LimitMet, Limits, NetworkMode, StreamName, User } from "../engine.js";
import type { ErrorCode } from "../errors.js";
import type { EngineChoice, Skipped } from "../options.js";
import type { ConfigFile, ReportFiles } from "./config/types.js";

export type { ConfigFile } from "./config/types.js";

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
  engine?: EngineChoice;
  base?: Base;
  user?: User;
  /** Environment of every step. */
  env?: Readonly<Record<string, string>>;
  /** Secrets of every check. Setup and build get those that the operator's config lists for them. */
  secrets?: Readonly<Record<string, string>>;
  /** Network of every step. Left out: the config's, else on in setup and build, off in checks where the engine can. */
  network?: NetworkMode;
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
 * - `passed`
 * - `failed`: it ran and said no, or broke a limit, or would have exported a secret
 * - `timed-out`
 * - `skipped`: something it needs did not pass
 * - `cancelled`: by fail-fast or an abort
 * - `flaky`: repeated runs disagreed
 * - `error`: it could not be run (engine, config, missing tool)
 */
export type Verdict = "passed" | "failed" | "timed-out" | "skipped" | "cancelled" | "flaky" | "error";

/** In this order. `sources` is the import of the project; `build` runs once; checks run in parallel forks. */
export type StepKind = "setup" | "sources" | "build" | "check";

/** One step of one candidate: names it in events. `name` is the check's, else the kind. */
export interface StepId {
  candidate: string;
  kind: StepKind;
  name: string;
  /** 1 unless checks are repeated. */
  run: number;
}

/** What is planned for a candidate, before anything runs. */
export interface CandidatePlan {
  name: string;
  /** Absolute host directory. */
  directory: string;
  /** Where its config came from: a file's path, "detected" or "given" (an object of the library's caller). */
  configFrom: string;
  /** All steps in the order of the config, checks with what they wait for. */
  steps: { kind: StepKind; name: string; commands: string[]; needs: string[] }[];
}

export type ValidationEvent =
  /** Once, before anything runs. */
  | { type: "started"; candidates: CandidatePlan[]; jobs: number; repeat: number }
  | { type: "candidate-started"; candidate: string }
  | { type: "step-started"; step: StepId }
  /** Text as it was printed, not split into lines. */
  | { type: "step-output"; step: StepId; stream: StreamName; text: string }
  /** Also for steps that never started: skipped, cancelled. */
  | { type: "step-ended"; step: StepId; report: StepReport }
  | { type: "artifacts-exported"; step: StepId; artifacts: Artifacts }
  | { type: "warning"; candidate?: string; message: string }
  | { type: "candidate-ended"; candidate: string; report: CandidateReport }
  /** Once, last. */
  | { type: "report"; report: Report };

/** What a validation found. Version 1: fields are added, not changed. */
export interface Report {
  version: 1;
  /** Whether it passed: every candidate, or with `any` one of them. */
  passed: boolean;
  /** What a process should exit with: see {@link exitCode}. */
  exitCode: ExitCode;
  /** An abort ended it. */
  interrupted: boolean;
  any: boolean;
  /** ISO 8601. */
  startedAt: string;
  durationMs: number;
  /** Name of the engine. */
  engine: string;
  candidates: CandidateReport[];
  /** Those of all candidates, each with its name where there are several. */
  warnings: string[];
}

/** 0 passed · 1 did not pass · 2 usage or config · 3 no engine, or lost again after one rerun · 130 interrupted */
export type ExitCode = 0 | 1 | 2 | 3 | 130;

export interface CandidateReport {
  name: string;
  directory: string;
  configFrom: string;
  /** The worst of its steps: error, timed-out, failed, flaky, cancelled, passed. */
  verdict: Verdict;
  /** Why no step ran, when none did: a config that was refused, or nothing to check. */
  error?: StepError;
  durationMs: number;
  /** Setup, sources, build: those that the config has. */
  stages: StepReport[];
  checks: StepReport[];
  warnings: string[];
}

/** Whether it repeated or not, a check has one report; `runs` has each run's when there were several. */
export interface StepReport {
  kind: StepKind;
  name: string;
  commands: string[];
  verdict: Verdict;
  /** One line for people: "exit code 1", "needs build, which failed", "setup from the cache"… Empty when passed. */
  reason: string;
  /** Of the command that decided. */
  exitCode?: number;
  /** Limits that its commands ran into before it failed: starting another process was refused, say. */
  limitsMet?: LimitMet[];
  /** ISO 8601; left out when it never started. */
  startedAt?: string;
  durationMs: number;
  /** Setup came from the cache. */
  cached?: boolean;
  /** What it had. Left out for sources and for what never started. */
  network?: NetworkMode;
  /** The last lines it printed, both streams as they came, redacted. Empty for what passed. */
  tail: string;
  artifacts?: Artifacts;
  /** Its engine was lost once and it was run again. */
  rerun?: boolean;
  error?: StepError;
  runs?: StepReport[];
}

export interface StepError {
  code: ErrorCode;
  message: string;
}

export interface Artifacts {
  /** Absolute host directory. */
  directory: string;
  files: number;
  bytes: number;
  skipped: Skipped[];
}
