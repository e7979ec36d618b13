import { dirname, resolve } from "node:path";
import type { Base, Limits, NetworkMode, User } from "../../engine.js";
import type { Registry } from "../registries/registry.js";
import { refuseGrants } from "./grants.js";
import { invalid } from "./invalid.js";
import { describeIssue } from "./issues.js";
import { nearest } from "./nearest.js";
import { configSchema } from "./schema.js";
import type { ConfigSource } from "./source.js";
import type { CommandConfig, ConfigFile, ReportFiles, SourcesConfig } from "./types.js";

/** A config after all checks: short forms written out, host paths absolute. */
export interface Config {
  /** Its file, "given" or "detected". */
  from: string;
  setup?: Setup;
  build?: Build;
  /** At least one. */
  checks: Check[];
  limits: Limits;
  artifactsMiB?: number;
  engine?: "auto" | "local" | "dagger";
  base?: Base;
  user?: User;
  env: readonly string[];
  secrets: readonly string[];
  registries: readonly Registry[];
  network?: NetworkMode;
  caches: Readonly<Record<string, string>>;
  sources: SourcesConfig;
  out?: string;
  reports: ReportFiles;
}

export interface Step {
  commands: string[];
  timeoutMs: number;
  network?: NetworkMode;
  env?: readonly string[];
  secrets?: readonly string[];
}

export interface Setup extends Step {
  /** Left out: {@link defaultSetupFiles}. */
  files?: readonly string[];
}

export interface Build extends Step {
  artifacts: readonly string[];
}

export interface Check extends Build {
  name: string;
  /** `from` is among them. */
  needs: readonly string[];
  from?: string;
}

/** Whose words a config holds. */
export type Authority = "operator" | "candidate";

const mostChecks = 1000;

/**
 * Checks a config and writes it out. `authority` says whose words it holds: a candidate's may not grant itself
 * anything. `timeoutMs` is for steps that set none.
 *
 * @throws SandboxError INVALID_ARGUMENT, `operation: "validate"`, `path` the file, with the line in the message.
 */
export function parseConfig(source: ConfigSource, authority: Authority, timeoutMs = 600_000): Config {
  const fail = (message: string) => invalid(message, { path: source.file });
  if (authority === "candidate") refuseGrants(source);
  // First: describing what is wrong with each of them would take long.
  const written = (source.value as ConfigFile | null | undefined)?.checks;
  const tooMany = typeof written === "object" && wrongCount(Object.keys(written ?? {}).length || 1, source);
  if (typeof tooMany === "string") throw fail(tooMany);
  const parsed = configSchema.safeParse(source.value ?? {});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw fail(issue === undefined ? parsed.error.message : describeIssue(issue, source));
  }
  const config = writtenOut(parsed.data, source.file, timeoutMs);
  const problem = wrongCount(config.checks.length, source) ?? wrongOrder(config.checks, source);
  if (problem !== undefined) throw fail(problem);
  return config;
}

function writtenOut(file: ConfigFile, path: string | undefined, timeoutMs: number): Config {
  const stepOf = (written: Written<CommandConfig>) => step(written, timeoutMs);
  const directory = path === undefined ? process.cwd() : dirname(path);
  const { setup, build } = file;
  return {
    from: path ?? "given",
    ...(setup === undefined ? {} : { setup: { ...stepOf(setup), ...defined({ files: long(setup).files }) } }),
    ...(build === undefined ? {} : { build: { ...stepOf(build), artifacts: long(build).artifacts ?? [] } }),
    checks: Object.entries(file.checks ?? {}).map(([name, check]): Check => {
      const { artifacts = [], needs = [], from } = long(check);
      const after = from === undefined ? needs : [...new Set([...needs, from])];
      return { ...stepOf(check), name, artifacts, needs: after, ...defined({ from }) };
    }),
    limits: file.limits ?? {},
    ...defined({
      artifactsMiB: file.artifactsMiB,
      engine: file.engine,
      user: file.user,
      network: file.network,
    }),
    ...(file.base === undefined ? {} : { base: absolute(file.base, directory) }),
    env: file.env ?? [],
    secrets: file.secrets ?? [],
    registries: file.registries ?? [],
    caches: file.caches ?? {},
    sources: file.sources ?? {},
    ...(file.out === undefined ? {} : { out: resolve(directory, file.out) }),
    reports: {
      json: file.reports?.json && resolve(directory, file.reports.json),
      junit: file.reports?.junit && resolve(directory, file.reports.junit),
      html: file.reports?.html && resolve(directory, file.reports.html),
      markdown: file.reports?.markdown && resolve(directory, file.reports.markdown),
    },
  };
}

type Written<T extends CommandConfig> = string | readonly string[] | T;

/** The long form of `run`, `[run, run]` and `{ run: … }`. */
function long<T extends CommandConfig>(written: Written<T>): CommandConfig & Partial<T> {
  const isShort = typeof written === "string" || Array.isArray(written);
  return (isShort ? { run: written } : written) as CommandConfig & Partial<T>;
}

function step(written: Written<CommandConfig>, defaultTimeoutMs: number): Step {
  const { run, timeoutMs = defaultTimeoutMs, network, env, secrets } = long(written);
  const commands = typeof run === "string" ? [run] : [...run];
  return { commands, timeoutMs, ...defined({ network, env, secrets }) };
}

/** Without the keys whose value is undefined. */
function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

function absolute(base: Base, directory: string): Base {
  if ("dockerfile" in base) return { ...base, dockerfile: resolve(directory, base.dockerfile) };
  if ("rootfs" in base) return { rootfs: resolve(directory, base.rootfs) };
  if ("archive" in base) return { archive: resolve(directory, base.archive) };
  if ("host" in base && base.paths)
    return { ...base, paths: base.paths.map((path) => resolve(directory, path)) };
  return base;
}

function wrongCount(count: number, source: ConfigSource): string | undefined {
  if (count === 0) {
    return `${source.at([])}: it has no checks, and what checks nothing can't pass. Add a \`checks:\` map with at least one.`;
  }
  return count > mostChecks
    ? `${source.at(["checks"])}: it has ${count} checks; at most ${mostChecks} are run`
    : undefined;
}

function wrongOrder(checks: readonly Check[], source: ConfigSource): string | undefined {
  const names = new Set(checks.map(({ name }) => name));
  for (const { name, needs, from } of checks) {
    const unknown = needs.find((need) => !names.has(need));
    if (unknown === undefined) continue;
    const key = unknown === from ? "from" : "needs";
    const meant = nearest(unknown, names);
    const hint = meant === undefined ? `There are: ${[...names].join(", ")}.` : `Did you mean "${meant}"?`;
    return `${source.at(["checks", name, key])}: ${key} of "${name}" names "${unknown}", which is no check. ${hint}`;
  }
  const cycle = findCycle(checks);
  if (cycle === undefined) return undefined;
  return `${source.at(["checks", cycle[0] ?? ""])}: these checks wait for each other: ${cycle.join(" → ")}. Take one of the needs (or from) out.`;
}

/** The first cycle among needs, its first name again at the end. */
function findCycle(checks: readonly Check[]): string[] | undefined {
  const waiting = new Map(checks.map(({ name, needs }) => [name, needs]));
  for (let before = -1; before !== waiting.size; ) {
    before = waiting.size;
    for (const [name, needs] of waiting) if (!needs.some((need) => waiting.has(need))) waiting.delete(name);
  }
  // What is left waits for something that is left: following that must come back to where it was.
  const trail: string[] = [];
  let [at] = waiting.keys();
  while (at !== undefined && !trail.includes(at)) {
    trail.push(at);
    at = waiting.get(at)?.find((need) => waiting.has(need));
  }
  return at === undefined ? undefined : [...trail.slice(trail.indexOf(at)), at];
}
