import {
  checkCommand,
  checkEnv,
  checkOptions,
  checkSecrets,
  checkTimeout,
  invalid,
  isRecord,
  reading,
  shown,
} from "../../arguments/arguments.js";
import { checkPath } from "../../arguments/paths.js";
import type { Values } from "../../arguments/variables.js";
import type { Command, OperationOptions } from "../../options.js";
import type { Ready, ServiceOptions } from "../../service.js";

const operation = "start";
const KNOWN = [
  "name",
  "ready",
  "timeoutMs",
  "env",
  "secrets",
  "cwd",
  "onStdout",
  "onStderr",
  "publish",
] as const satisfies (keyof ServiceOptions)[];
export const DEFAULT_READY_MS = 60_000;

/** A service with its options, checked. */
export interface StartCall extends OperationOptions {
  readonly argv: [string, ...string[]];
  readonly name: string | undefined;
  readonly ready: Ready | undefined;
  readonly timeoutMs: number;
  readonly env: Values;
  readonly secrets: Values;
  readonly cwd: string;
  readonly onStdout: ((text: string) => void) | undefined;
  readonly onStderr: ((text: string) => void) | undefined;
  /** Of the sandbox. */
  readonly publishedPort: number | undefined;
}

export function checkStart(command: Command, given: ServiceOptions): StartCall {
  const options = checkOptions(given, KNOWN, operation);
  const { cwd = ".", timeoutMs, onStdout, onStderr } = options;
  checkPath(cwd, operation, "cwd");
  checkTimeout(timeoutMs, operation);
  const ready = options.ready === undefined ? undefined : checkReady(options.ready, operation);
  return {
    argv: checkCommand(command, operation),
    name: options.name === undefined ? undefined : checkName(options.name),
    ready,
    timeoutMs: timeoutMs ?? DEFAULT_READY_MS,
    env: checkEnv(options.env, operation),
    secrets: checkSecrets(options.secrets, operation),
    cwd,
    onStdout: checkCallback(onStdout, "onStdout"),
    onStderr: checkCallback(onStderr, "onStderr"),
    publishedPort: checkPublish(options.publish ?? false, ready),
    ...(options.signal && { signal: options.signal }),
  };
}

/** What is not the caller's to change any more. */
export function checkReady(given: Ready, by: string): Ready {
  return reading(by, "ready", () => {
    if (!isRecord(given))
      throw invalid(by, `ready must be {port}, {port, path} or {log}, but is ${shown(given)}`);
    const { port, path, log, ...others } = given as Record<string, unknown>;
    const unknown = Object.keys(others)[0];
    if (unknown !== undefined)
      throw invalid(by, `ready has no ${shown(unknown)}. It is {port}, {port, path} or {log}`);
    if (log !== undefined) {
      if (port !== undefined || path !== undefined)
        throw invalid(by, "ready takes a port or a log, not both");
      if (!isPattern(log)) throw invalid(by, `ready.log must be a RegExp, but is ${shown(log)}`);
      return { log: new RegExp(log.source, log.flags.replace(/[gy]/g, "")) };
    }
    if (!isPort(port)) throw invalid(by, `ready.port must be a port, 1 to 65535, but is ${shown(port)}`);
    if (path === undefined) return { port };
    if (typeof path !== "string" || !/^\/[\x21-\x7e]*$/.test(path))
      throw invalid(by, `ready.path must be the path of a URL, from "/" on, but is ${shown(path)}`);
    return { port, path };
  });
}

/** Also one of another realm. */
function isPattern(value: unknown): value is RegExp {
  return Object.prototype.toString.call(value) === "[object RegExp]";
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535;
}

/** One that a hosts file takes, that is no other host's full name, and that is not taken already. */
function checkName(name: unknown): string {
  if (typeof name !== "string" || !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    const rule = "1 to 63 small letters, digits and dashes, no dash at either end";
    throw invalid(operation, `a service's name must be ${rule}, but is ${shown(name)}`);
  }
  if (name === "localhost" || name === "sandbox" || /^\d+$/.test(name))
    throw invalid(operation, `a service can't be named ${shown(name)}: that means something else already`);
  return name;
}

function checkPublish(publish: unknown, ready: Ready | undefined): number | undefined {
  if (publish === false) return undefined;
  if (isPort(publish)) return publish;
  if (publish !== true)
    throw invalid(operation, `publish must be true, false or a port, but is ${shown(publish)}`);
  if (ready && "port" in ready) return ready.port;
  throw invalid(
    operation,
    "publish: true publishes the port of ready, and there is none. Give publish the port",
  );
}

function checkCallback(callback: unknown, name: string): ((text: string) => void) | undefined {
  if (callback === undefined || typeof callback === "function") return callback as (text: string) => void;
  throw invalid(operation, `${name} must be a function, but is ${shown(callback)}`);
}
