import * as path from "node:path";
import {
  checkEnv,
  checkOptions,
  checkSecrets,
  checkTimeout,
  invalid,
  isRecord,
  reading,
  shown,
} from "../arguments/arguments.js";
import { absolutePath, checkPath } from "../arguments/paths.js";
import type { Values } from "../arguments/variables.js";
import type { Base, Capabilities, Limits, NetworkMode, Support, User } from "../engine.js";
import { baseKind } from "../engine.js";
import { SandboxError } from "../errors.js";
import type { CreateOptions, EngineChoice } from "../options.js";
import { ReadOnlyPaths } from "./read-only-paths.js";

const operation = "create";
const KNOWN = [
  "engine",
  "base",
  "user",
  "workdir",
  "env",
  "secrets",
  "timeoutMs",
  "network",
  "limits",
  "readOnlyPaths",
  "caches",
] as const satisfies (keyof CreateOptions)[];
const DEFAULT_WORKDIR = "/workspace";
const DEFAULT_TIMEOUT_MS = 600_000;
/** Less, and what puts up the walls does not start. */
export const LEAST_MEMORY_MIB = 8;

/** What stays the same for the life of a sandbox. */
export interface Settings {
  readonly user: User;
  readonly network: NetworkMode;
  readonly limits: Readonly<Limits>;
  readonly caches: Values;
  readonly timeoutMs: number;
  readonly readOnlyPaths: ReadOnlyPaths;
}

/** The options of a creation, checked, with the defaults that no engine decides. */
export interface Creation {
  readonly engine: EngineChoice | undefined;
  readonly base: Base | undefined;
  readonly workdir: string;
  readonly env: Values;
  readonly secrets: Values;
  readonly settings: Settings;
  readonly signal: AbortSignal | undefined;
}

export function checkCreation(given: CreateOptions): Creation {
  const options = checkOptions(given, KNOWN, operation);
  return reading(operation, "the options", () => readCreation(options));
}

function readCreation(options: CreateOptions): Creation {
  const workdir = checkAbsolute(options.workdir ?? DEFAULT_WORKDIR, "workdir");
  return {
    engine: options.engine,
    base: options.base === undefined ? undefined : checkBase(options.base),
    workdir,
    env: checkEnv(options.env, operation),
    secrets: checkSecrets(options.secrets, operation),
    settings: checkSettings(options, workdir),
    signal: options.signal,
  };
}

function checkSettings(options: CreateOptions, workdir: string): Settings {
  checkTimeout(options.timeoutMs, operation);
  return {
    user: oneOf(options.user ?? "sandbox", ["sandbox", "root"], "user"),
    network: checkNetwork(options.network, operation) ?? "on",
    limits: checkLimits(options.limits ?? {}),
    caches: checkCaches(options.caches ?? {}),
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    readOnlyPaths: new ReadOnlyPaths(checkList(options.readOnlyPaths ?? [], "readOnlyPaths"), workdir),
  };
}

export function checkNetwork(network: NetworkMode | undefined, by: string): NetworkMode | undefined {
  return network === undefined
    ? undefined
    : oneOf<NetworkMode>(network, ["on", "off", "host"], "network", by);
}

/** What a fork may have otherwise than its parent. Left out: the parent's. */
export type ForkOptions = Pick<
  CreateOptions,
  "network" | "caches" | "limits" | "timeoutMs" | "env" | "secrets" | "signal"
>;

export function changeSettings(settings: Settings, options: ForkOptions): Settings {
  checkTimeout(options.timeoutMs, "fork");
  return {
    ...settings,
    network: checkNetwork(options.network, "fork") ?? settings.network,
    limits: options.limits ? checkLimits(options.limits) : settings.limits,
    caches: options.caches ? checkCaches(options.caches) : settings.caches,
    timeoutMs: options.timeoutMs ?? settings.timeoutMs,
  };
}

/** Refuses, in the engine's own words, what it can't honour here. */
export function requireSettings(engineName: string, can: Capabilities, settings: Settings): void {
  const { user, network, limits, caches } = settings;
  requireSupport(can.users[user], `user: "${user}"`, engineName);
  requireNetwork(engineName, can, network, operation);
  for (const name of Object.keys(limits) as (keyof Limits)[]) {
    requireSupport(can.limits[name], `limits.${name}`, engineName);
  }
  if (Object.keys(caches).length > 0) requireSupport(can.caches, "caches", engineName);
}

export function requireBase(engineName: string, can: Capabilities, base: Base): void {
  requireSupport(can.bases[baseKind(base)], `the base {${baseKind(base)}}`, engineName);
}

export function requireNetwork(
  engineName: string,
  can: Capabilities,
  network: NetworkMode,
  by: string,
): void {
  requireSupport(can.network[network], `network: "${network}"`, engineName, by);
}

export function requireServices(engineName: string, can: Capabilities, by: string): void {
  requireSupport(can.services, "a service", engineName, by);
}

function requireSupport(support: Support, what: string, engineName: string, by = operation): void {
  if (support === true) return;
  const message = `${by}: ${what} is not supported by the engine "${engineName}" here: ${support}`;
  throw new SandboxError("UNSUPPORTED", message, { operation: by });
}

/** Host paths become absolute: an engine may have another working directory. */
function checkBase(base: unknown): Base {
  const kinds = ["image", "dockerfile", "rootfs", "archive", "host"];
  const named = isRecord(base) ? kinds.filter((kind) => kind in base) : [];
  if (!isRecord(base) || named.length !== 1) {
    throw invalid(operation, `base must have exactly one of ${kinds.join(", ")}`);
  }
  const checked = base as Base;
  if ("host" in checked) {
    if (checked.host !== true) throw invalid(operation, "base.host must be true");
    const paths = checkList(checked.paths ?? [], "base.paths").map((each) =>
      checkHostPath(each, "base.paths"),
    );
    return { host: true, ...(paths.length > 0 && { paths }) };
  }
  if ("image" in checked) return { image: checkText(checked.image, "base.image") };
  if ("rootfs" in checked) return { rootfs: checkHostPath(checked.rootfs, "base.rootfs") };
  if ("archive" in checked) return { archive: checkHostPath(checked.archive, "base.archive") };
  return { ...checked, dockerfile: checkHostPath(checked.dockerfile, "base.dockerfile") };
}

export function checkHostPath(hostPath: unknown, what: string, by = operation): string {
  return path.resolve(checkText(hostPath, what, by));
}

function checkText(text: unknown, what: string, by = operation): string {
  if (typeof text === "string" && text !== "" && !text.includes("\0")) return text;
  throw invalid(by, `${what} must be a string that is not empty and has no NUL byte`);
}

function checkLimits(limits: Readonly<Limits>): Readonly<Limits> {
  if (!isRecord(limits)) throw invalid(operation, "limits must be an object");
  const given = Object.entries(limits).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    const whole = name === "processes" || name === "outputBytes";
    if (!["memoryMiB", "cpus", "processes", "diskMiB", "outputBytes"].includes(name)) {
      throw invalid(operation, `there is no limit ${name}`);
    }
    if (
      typeof value !== "number" ||
      !Number.isFinite(value) ||
      value <= 0 ||
      (whole && !Number.isInteger(value))
    ) {
      throw invalid(
        operation,
        `limits.${name} must be a ${whole ? "whole " : ""}number above 0, but is ${shown(value)}`,
      );
    }
    if (name === "memoryMiB" && value < LEAST_MEMORY_MIB) {
      throw invalid(
        operation,
        `limits.memoryMiB must be at least ${LEAST_MEMORY_MIB}, in less than which no command starts, but is ${shown(value)}`,
      );
    }
  }
  return Object.fromEntries(given);
}

function checkCaches(caches: Values): Values {
  if (!isRecord(caches)) throw invalid(operation, "caches must be an object of names and sandbox paths");
  const checked = Object.entries(caches).map(([name, cachePath]) => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
      throw invalid(operation, `${shown(name)} can't name a cache: use letters, digits, ".", "_" and "-"`);
    }
    const absolute = checkAbsolute(cachePath, `path of the cache ${name}`);
    if (absolute === "/") throw invalid(operation, `the cache ${name} can't be the sandbox's root`);
    return [name, absolute] as const;
  });
  for (const [name, path] of checked) {
    // What is in a cache can't be looked at: a link there would be followed, too.
    const around = checked.find(([other, at]) => other !== name && `${path}/`.startsWith(`${at}/`));
    if (around === undefined) continue;
    const where = `the cache ${name} at ${path} lies in the cache ${around[0]} at ${around[1]}`;
    throw invalid(operation, `${where}. Give it a place outside of that`);
  }
  return Object.fromEntries(checked);
}

function checkList(list: readonly string[], what: string): readonly string[] {
  if (Array.isArray(list)) return [...list];
  throw invalid(operation, `${what} must be a list, but is ${shown(list)}`);
}

function checkAbsolute(sandboxPath: unknown, what: string): string {
  checkPath(sandboxPath, operation, what);
  if (!sandboxPath.startsWith("/"))
    throw invalid(operation, `the ${what} must be absolute, but is ${shown(sandboxPath)}`);
  return absolutePath("/", sandboxPath, operation);
}

function oneOf<T extends string>(value: T, allowed: readonly T[], what: string, by = operation): T {
  if (allowed.includes(value)) return value;
  throw invalid(by, `${what} must be one of ${allowed.join(", ")}, but is ${shown(value)}`);
}
