import { type Command, InvalidArgumentError, Option } from "commander";
import type { Base, Limits, NetworkMode, User } from "../engine.js";
import type { CreateOptions, EngineChoice } from "../options.js";
import { UsageError } from "./failure.js";

/** Flags that say what a sandbox is made of, as commander leaves them. */
export interface SandboxFlags {
  engine?: "auto" | "local" | "dagger";
  engines?: string[];
  base?: Base;
  hostPath?: string[];
  user?: User;
  network?: NetworkMode;
  hostNetwork?: boolean;
  env?: string[];
  secret?: string[];
  databricks?: boolean;
  cache?: Record<string, string>;
  memoryMib?: number;
  cpus?: number;
  processes?: number;
  diskMib?: number;
}

/** Adds the flags that every command with a sandbox takes. */
export function addSandboxOptions(command: Command): Command {
  const list = (value: string, before: string[] = []) => [...before, value];
  return command
    .optionsGroup("Sandbox:")
    .addOption(
      new Option("--engine <name>", "what runs it")
        .choices(["auto", "local", "dagger"])
        .env("FORKBOX_ENGINE"),
    )
    .option("--engines <url>", "a Dagger engine of a pool: unix://, tcp://, ssh://… (repeatable)", list)
    .option(
      "--base <kind=value>",
      "start from image=NAME, dockerfile=DIR, rootfs=DIR, archive=TAR or host",
      parseBase,
    )
    .option("--host-path <path>", "show this host path read-only on the host base (repeatable)", list)
    .addOption(
      new Option("--user <who>", "who runs commands (default: sandbox)").choices(["sandbox", "root"]),
    )
    .optionsGroup("Network, environment and secrets:")
    .addOption(new Option("--network <mode>", "reach the network").choices(["on", "off"]))
    .option("--host-network", "share the host's network, its loopback and services included")
    .option("--env <NAME[=VALUE]>", "set a variable, or pass on the caller's (repeatable)", list)
    .option("--secret <NAME>", "pass on the caller's variable, redacted in all output (repeatable)", list)
    .option(
      "--databricks",
      "pass on DATABRICKS_HOST, DATABRICKS_WAREHOUSE_ID and, as a secret, DATABRICKS_TOKEN",
    )
    .optionsGroup("Limits and caches:")
    .option("--memory-mib <n>", "memory of a command with all its processes", positive)
    .option("--cpus <n>", "CPUs a command may use, fractions allowed", positive)
    .option("--processes <n>", "processes and threads at once (default: 1024)", positiveInteger)
    .option("--disk-mib <n>", "what one command may add to the disk", positive)
    .option("--cache <name=path>", "keep this sandbox directory for the next run (repeatable)", parseCache);
}

/** What the flags say, for `Sandbox.create` and `validate`. Throws {@link UsageError}. */
export async function readSandboxFlags(
  flags: SandboxFlags,
  callerEnv: Readonly<Record<string, string | undefined>> = process.env,
): Promise<
  Pick<CreateOptions, "engine" | "base" | "user" | "network" | "env" | "secrets" | "limits" | "caches">
> {
  if (flags.hostNetwork && flags.network === "off")
    throw new UsageError("--host-network and --network off contradict each other", "Give one of them.");
  const engine = await readEngine(flags);
  const base = readBase(flags);
  const limits = readLimits(flags);
  const network = flags.hostNetwork ? "host" : flags.network;
  const env: Record<string, string> = {};
  const secrets: Record<string, string> = {};
  if (flags.databricks) {
    const { databricksEnv } = await import("../sandbox/databricks.js");
    const found = databricksEnv(callerEnv);
    Object.assign(env, found.env);
    Object.assign(secrets, found.secrets);
  }
  for (const text of flags.env ?? []) {
    const at = text.indexOf("=");
    if (at === 0 || text === "")
      throw nameless("--env", "--env NAME=VALUE, or --env NAME to pass on your own.");
    if (at === -1) env[text] = fromCaller(text, "--env", callerEnv);
    else env[text.slice(0, at)] = text.slice(at + 1);
  }
  for (const name of flags.secret ?? []) {
    if (name === "" || name.startsWith("=")) throw nameless("--secret", "--secret NAME.");
    if (name.includes("="))
      throw new UsageError(
        `--secret takes a name only: a value on the command line is visible to every user of this machine`,
        `Export ${name.slice(0, name.indexOf("="))} in the environment and pass --secret ${name.slice(0, name.indexOf("="))}.`,
      );
    secrets[name] = fromCaller(name, "--secret", callerEnv);
  }
  return {
    ...(engine && { engine }),
    ...(base && { base }),
    ...(flags.user && { user: flags.user }),
    ...(network && { network }),
    ...(flags.cache && { caches: flags.cache }),
    ...(Object.keys(limits).length > 0 && { limits }),
    env,
    secrets,
  };
}

/** Ends an engine that {@link readSandboxFlags} made; those behind names end with their last sandbox. */
export async function closeEngine(choice: EngineChoice | undefined): Promise<void> {
  if (typeof choice === "object") await choice.close();
}

async function readEngine({ engine, engines }: SandboxFlags): Promise<EngineChoice | undefined> {
  if (!engines) return engine;
  if (engine === "local")
    throw new UsageError("--engines names Dagger engines, and --engine is local", "Give one of them.");
  const { dagger } = await import("../engines/dagger/index.js");
  return dagger({ engines });
}

function readBase(flags: SandboxFlags): Base | undefined {
  if (!flags.hostPath) return flags.base;
  if (flags.base && !("host" in flags.base))
    throw new UsageError(
      "--host-path shows paths of this machine, which only the host base has",
      "Leave --base out or say --base host.",
    );
  return { host: true, paths: flags.hostPath };
}

function readLimits(flags: SandboxFlags): Limits {
  return {
    ...(flags.memoryMib !== undefined && { memoryMiB: flags.memoryMib }),
    ...(flags.cpus !== undefined && { cpus: flags.cpus }),
    ...(flags.processes !== undefined && { processes: flags.processes }),
    ...(flags.diskMib !== undefined && { diskMiB: flags.diskMib }),
  };
}

function nameless(flag: string, what: string): UsageError {
  return new UsageError(`${flag} is without a name`, `Say ${what}`);
}

function fromCaller(name: string, flag: string, env: Readonly<Record<string, string | undefined>>): string {
  const value = env[name];
  if (value === undefined)
    throw new UsageError(
      `${flag} ${name}: there is no ${name} in the environment`,
      `Export it first: export ${name}=…`,
    );
  return value;
}

function parseBase(text: string): Base {
  if (text === "host") return { host: true };
  const [kind, value] = split(text);
  switch (kind) {
    case "image":
      return { image: value };
    case "dockerfile":
      return { dockerfile: value };
    case "rootfs":
      return { rootfs: value };
    case "archive":
      return { archive: value };
    default:
      throw new InvalidArgumentError(`It is image=NAME, dockerfile=DIR, rootfs=DIR, archive=TAR or host.`);
  }
}

function parseCache(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [name, path] = split(text);
  return { ...before, [name]: path };
}

function split(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError(`"=" and a value are missing.`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** For commander: a number above 0. */
export function positive(text: string): number {
  const n = Number(text);
  if (!(n > 0) || !Number.isFinite(n)) throw new InvalidArgumentError("It is a number above 0.");
  return n;
}

/** For commander: a whole number above 0. */
export function positiveInteger(text: string): number {
  if (!Number.isSafeInteger(positive(text))) throw new InvalidArgumentError("It is a whole number above 0.");
  return Number(text);
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** For commander: `90`, `90s`, `1.5m`, `500ms`, `2h`, `7d` in milliseconds. A bare number is seconds. */
export function milliseconds(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const value = Math.round(Number(digits) * (UNITS[unit ?? "s"] ?? Number.NaN));
  if (!(value > 0)) throw new InvalidArgumentError("It is a time like 90s, 5m, 1h or 500ms.");
  return value;
}
