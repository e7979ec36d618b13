import { isSecret, type Values, warnIfShort } from "./environment.js";
import { SandboxError } from "./errors.js";
import type { Command, FileToWrite } from "./options.js";
import { checkPath } from "./paths.js";

/** Linux takes no longer argument or environment variable, its final NUL included. */
const LONGEST_ARGUMENT_BYTES = 128 * 1024;
const LONGEST_TIMEOUT_MS = 2_147_483_647;

/** Before a command that is a string. Without "--" one that begins with a dash would be an option. */
export const SHELL = ["/bin/sh", "-c", "--"] as const;

export function invalid(operation: string, why: string): SandboxError {
  return new SandboxError("INVALID_ARGUMENT", `${operation}: ${why}.`, { operation });
}

/** A string goes through `sh -c`, a list is run as it is. */
export function checkCommand(command: Command, operation: string): [string, ...string[]] {
  const [program, ...rest] = typeof command === "string" ? [...SHELL, command] : listOf(command, operation);
  if (program === undefined || program === "" || (typeof command === "string" && command.trim() === "")) {
    throw invalid(operation, "the command is empty");
  }
  for (const argument of [program, ...rest]) {
    if (typeof argument !== "string")
      throw invalid(operation, "the command must be a string or a list of strings");
    checkLength(argument, operation, "an argument of the command");
  }
  return [program, ...rest];
}

function listOf(command: unknown, operation: string): readonly string[] {
  if (Array.isArray(command)) return command;
  throw invalid(operation, "the command must be a string or a list of strings");
}

export function checkTimeout(timeoutMs: unknown, operation: string): void {
  if (timeoutMs === undefined) return;
  if (Number.isInteger(timeoutMs) && Number(timeoutMs) >= 1 && Number(timeoutMs) <= LONGEST_TIMEOUT_MS)
    return;
  const range = `a whole number of milliseconds from 1 to ${LONGEST_TIMEOUT_MS}`;
  throw invalid(operation, `timeoutMs must be ${range}, but is ${shown(timeoutMs)}`);
}

export function checkMaxBytes(maxBytes: unknown, operation: string): void {
  if (maxBytes === undefined || (Number.isSafeInteger(maxBytes) && Number(maxBytes) >= 0)) return;
  throw invalid(operation, `maxBytes must be a whole number of bytes, but is ${shown(maxBytes)}`);
}

/** Options are an object, with no name that means nothing: a misspelt one must not be ignored. */
export function checkOptions<T extends { signal?: AbortSignal }>(
  options: T,
  known: readonly (keyof T & string)[],
  operation: string,
): T {
  if (!isRecord(options))
    throw invalid(operation, `the options must be an object, but are ${shown(options)}`);
  const names: readonly string[] = [...known, "signal"];
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw invalid(operation, `there is no option ${shown(unknown)}. There are ${names.join(", ")}`);
  }
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw invalid(operation, `signal must be an AbortSignal, but is ${shown(options.signal)}`);
  }
  return options;
}

/** Checks names and values, and copies them: what the caller changes later is not ours. */
export function checkEnv(env: unknown, operation: string): Values {
  const checked = checkVariables(env, operation, "env");
  for (const [name, value] of Object.entries(checked)) if (isSecret(name, value)) warnIfShort(name, value);
  return checked;
}

/** Like {@link checkEnv}; an empty value is refused, and a short one gets a warning. */
export function checkSecrets(secrets: unknown, operation: string): Values {
  const checked = checkVariables(secrets, operation, "secrets");
  for (const [name, value] of Object.entries(checked)) {
    if (value === "") throw invalid(operation, `the secret ${name} is empty`);
    warnIfShort(name, value);
  }
  return checked;
}

/** Messages name a variable and never show its value. */
function checkVariables(variables: unknown, operation: string, what: string): Values {
  if (variables === undefined) return {};
  if (!isRecord(variables)) throw invalid(operation, `${what} must be an object of names and values`);
  for (const [name, value] of Object.entries(variables)) {
    if (name === "" || name.includes("=") || name.includes("\0")) {
      throw invalid(
        operation,
        `${shown(name)} can't name a variable: it is empty, or has "=" or a NUL byte in it`,
      );
    }
    if (typeof value !== "string") throw invalid(operation, `the value of ${name} must be a string`);
    checkLength(`${name}=${value}`, operation, `the variable ${name}`);
  }
  return { ...variables } as Values;
}

function checkLength(text: string, operation: string, what: string): void {
  if (text.includes("\0")) throw invalid(operation, `${what} has a NUL byte in it`);
  if (text.length * 3 < LONGEST_ARGUMENT_BYTES || Buffer.byteLength(text) < LONGEST_ARGUMENT_BYTES) return;
  const advice = "Linux takes no longer one: write it to a file with writeFile, or pass it as stdin";
  throw invalid(operation, `${what} is longer than 128 KiB. ${advice}`);
}

/** Globs are a list of strings; what is in them is checked where they are compiled. */
export function checkGlobs(options: { include?: unknown; exclude?: unknown }, operation: string): void {
  for (const [name, globs] of Object.entries({ include: options.include, exclude: options.exclude })) {
    if (globs !== undefined && !Array.isArray(globs)) {
      throw invalid(operation, `${name} must be a list of globs, but is ${shown(globs)}`);
    }
  }
}

/** A file to write, with its data as bytes. */
export type CheckedFile = FileToWrite & { data: Uint8Array };

export function checkFiles(files: unknown, operation: string): CheckedFile[] {
  if (!Array.isArray(files)) throw invalid(operation, "the files must be a list of {path, data}");
  return files.map((file: unknown) => {
    if (!isRecord(file)) throw invalid(operation, "each file must be {path, data}");
    const { path, data, mode } = file;
    checkPath(path, operation);
    if (mode !== undefined && !(Number.isInteger(mode) && Number(mode) >= 0 && Number(mode) <= 0o777)) {
      throw invalid(
        operation,
        `the mode of ${path} must be permission bits from 0 to 0o777, but is ${shown(mode)}`,
      );
    }
    return {
      path,
      data: toBytes(data, path, operation),
      ...(mode === undefined ? {} : { mode: Number(mode) }),
    };
  });
}

function toBytes(data: unknown, path: string, operation: string): Uint8Array {
  if (typeof data === "string") return Buffer.from(data);
  if (data instanceof Uint8Array) return data;
  throw invalid(operation, `the data of ${path} must be a string or a Uint8Array, but is ${shown(data)}`);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value for a message: short, and never an object's content. */
export function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
