import type { Base, Limits, NetworkMode, User } from "../../engine.js";
import type { Registry } from "../registries/registry.js";

/**
 * `forkbox.yaml`, or the `forkbox` key of package.json. Keys marked "operator" are refused in a candidate's
 * own config: its author is as unreviewed as its code.
 */
export interface ConfigFile {
  /** Installs dependencies. Sees only `files`; its snapshot is cached. */
  setup?: string | readonly string[] | SetupConfig | undefined;
  /** Runs once over the whole project, before the checks, never cached. */
  build?: string | readonly string[] | BuildConfig | undefined;
  /** Each runs in a fork of its own. */
  checks?: Readonly<Record<string, string | readonly string[] | CheckConfig>> | undefined;
  /** Limits of every command; they can only tighten what the operator set. */
  limits?: Readonly<Limits> | undefined;
  /** MiB that the artifacts of one step may take. A candidate's own config can only lower it. Default 2048. */
  artifactsMiB?: number | undefined;
  /** Operator. */
  engine?: "auto" | "local" | "dagger" | undefined;
  /** Operator. Relative host paths start at the config file. */
  base?: Base | undefined;
  /** Operator. */
  user?: User | undefined;
  /** Operator. Names of host environment variables every step gets. */
  env?: readonly string[] | undefined;
  /** Operator. Names of host environment variables that every check gets as secrets. */
  secrets?: readonly string[] | undefined;
  /** Operator. Whose settings of private registries setup and build get. */
  registries?: readonly Registry[] | undefined;
  /** Operator. Network of every step. */
  network?: NetworkMode | undefined;
  /** Operator. Name to absolute sandbox path: kept between runs, writable in setup only. */
  caches?: Readonly<Record<string, string>> | undefined;
  /** Operator. What of the project is imported. */
  sources?: SourcesConfig | undefined;
  /** Operator. Host directory for artifacts, relative to the config file. */
  out?: string | undefined;
  /** Operator. Host paths of report files, relative to the config file. */
  reports?: ReportFiles | undefined;
}

/** What setup, build and checks have in common. */
export interface CommandConfig {
  /** Commands for `sh -c`, one after the other; the first that fails ends it. */
  run: string | readonly string[];
  /** Milliseconds for all of `run` together. Default 600,000. */
  timeoutMs?: number | undefined;
  /** Operator. Left out: the config's, else on in setup and build, off in checks where the engine can. */
  network?: NetworkMode | undefined;
  /** Operator. Names of host environment variables. Left out: the config's. */
  env?: readonly string[] | undefined;
  /** Operator. Names of secrets. Left out: the config's in checks, none in setup and build. */
  secrets?: readonly string[] | undefined;
}

/** Installs dependencies. */
export interface SetupConfig extends CommandConfig {
  /** Globs of the project's files that it needs. Default: manifests, lockfiles and what they refer to. */
  files?: readonly string[] | undefined;
}

/** Builds the project, for all checks. */
export interface BuildConfig extends CommandConfig {
  /** Globs relative to the project in the sandbox. Exported whether it passes or not. */
  artifacts?: readonly string[] | undefined;
}

/** Says yes or no to what was built. */
export interface CheckConfig extends BuildConfig {
  /** Checks that must have passed before; their changes are not seen. */
  needs?: readonly string[] | undefined;
  /** Start from the end of this check, which must have passed, instead of from the build. */
  from?: string | undefined;
}

/** What of the project is imported. */
export interface SourcesConfig {
  /** Globs. Default: everything. */
  include?: readonly string[] | undefined;
  /** Globs. Default: `node_modules` and `.venv` at any depth, unless git tracks them, and `.git` below the top. */
  exclude?: readonly string[] | undefined;
  /** Leave out what git ignores. Default true. */
  gitignore?: boolean | undefined;
  /**
   * Bring the git repository: history, index and tags, never config, hooks and remotes. Default true, unless `include` or
   * `exclude` leaves `.git` out.
   */
  git?: boolean | undefined;
}

/** Host paths of report files. */
export interface ReportFiles {
  /** The {@link Report} as JSON. */
  json?: string | undefined;
  /** The report as JUnit XML, as CI systems read it. */
  junit?: string | undefined;
  /**
   * The report as one page for people: it needs no network and no file beside it, but links artifacts and logs,
   * relative to itself. Logs are in it up to 4 MiB each and 24 MiB together, previews of artifacts up to 10 MiB.
   */
  html?: string | undefined;
  /** A summary in Markdown, short enough for a comment on a pull request: under 60,000 characters. */
  markdown?: string | undefined;
}
