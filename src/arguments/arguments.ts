import { messageOf, SandboxError } from "../errors.js";
import type { Command, FileToWrite } from "../options.js";
import { bytesOf, isBlob } from "./data.js";
import { checkPath } from "./paths.js";
import { ownSignal } from "./signals.js";
import { isSecret, type Values, warnIfShort } from "./variables.js";

/** Linux takes no longer argument or environment variable, its final NUL included. */
const LONGEST_ARGUMENT_BYTES = 128 * 1024;
const LONGEST_TIMEOUT_MS = 2_147_483_647;

/** Before a command that is a string. Without "--" one that begins with a dash would be an option. */
export const SHELL = ["/bin/sh", "-c", "--"] as const;

export function invalid(operation: string, why: string): SandboxError {
  return new SandboxError("INVALID_ARGUMENT", `${operation}: ${why}.`, { operation });
}

/** Reads what a caller gave. What throws in it, a getter or a Proxy say, is the caller's own. */
export function reading<T>(operation: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof SandboxError) throw cause;
    const message = `${operation}: ${what} could not be read: ${messageOf(cause)}.`;
    throw new SandboxError("INVALID_ARGUMENT", message, { operation, cause });
  }
}

/** A string goes through `sh -c`, a list is run as it is. */
export function checkCommand(command: Command, operation: string): [string, ...string[]] {
  return reading(operation, "the command", () => readCommand(command, operation));
}

function readCommand(command: Command, operation: string): [string, ...string[]] {
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

/**
 * A copy of the options, each read once: what the caller changes later is not ours. They are an object, with no name
 * that means nothing: a misspelt one must not be ignored.
 */
export function checkOptions<T extends { signal?: AbortSignal }>(
  options: T,
  known: readonly (keyof T & string)[],
  operation: string,
): T {
  return reading(operation, "the options", () => {
    if (!isRecord(options)) {
      throw invalid(operation, `the options must be an object, but are ${shown(options)}`);
    }
    const names: readonly string[] = [...known, "signal"];
    const unknown = Object.keys(options).find((name) => !names.includes(name));
    if (unknown !== undefined) {
      throw invalid(operation, `there is no option ${shown(unknown)}. There are ${names.join(", ")}`);
    }
    const record: Record<string, unknown> = options;
    const given = names.map((name) => [name, record[name]]).filter(([, value]) => value !== undefined);
    const { signal, ...rest } = Object.fromEntries(given);
    return signal === undefined ? rest : { ...rest, signal: checkSignal(signal, operation) };
  });
}

function checkSignal(signal: unknown, operation: string): AbortSignal {
  const own = ownSignal(signal);
  if (own) return own;
  throw invalid(operation, `signal must be an AbortSignal, but is ${shown(signal)}`);
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
  return reading(operation, what, () => {
    if (!isRecord(variables)) throw invalid(operation, `${what} must be an object of names and values`);
    const given = Object.entries(variables);
    for (const [name, value] of given) checkVariable(name, value, operation);
    return Object.fromEntries(given) as Values;
  });
}

function checkVariable(name: string, value: unknown, operation: string): void {
  if (name === "" || name.includes("=") || name.includes("\0")) {
    const why = 'it is empty, or has "=" or a NUL byte in it';
    throw invalid(operation, `${shown(name)} can't name a variable: ${why}`);
  }
  if (typeof value !== "string") throw invalid(operation, `the value of ${name} must be a string`);
  checkLength(`${name}=${value}`, operation, `the variable ${name}`);
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

/** A file to write, with its data as bytes, or as a Blob that is read when its turn has come. */
export type CheckedFile = Omit<FileToWrite, "data"> & { data: Uint8Array | Blob };

export function checkFiles(files: unknown, operation: string): CheckedFile[] {
  return reading(operation, "the files", () => {
    if (!Array.isArray(files)) throw invalid(operation, "the files must be a list of {path, data}");
    return files.map((file: unknown) => checkFile(file, operation));
  });
}

function checkFile(file: unknown, operation: string): CheckedFile {
  if (!isRecord(file)) throw invalid(operation, "each file must be {path, data}");
  const { path, data, mode } = file;
  checkPath(path, operation);
  if (mode !== undefined && !(Number.isInteger(mode) && Number(mode) >= 0 && Number(mode) <= 0o777)) {
    const range = "permission bits from 0 to 0o777";
    throw invalid(operation, `the mode of ${path} must be ${range}, but is ${shown(mode)}`);
  }
  const bytes = bytesOf(data) ?? (isBlob(data) ? data : undefined);
  if (!bytes) {
    const kinds = "a string, bytes (a Uint8Array, another view, an ArrayBuffer) or a Blob";
    throw invalid(operation, `the data of ${path} must be ${kinds}, but is ${shown(data)}`);
  }
  return { path, data: bytes, ...(mode === undefined ? {} : { mode: Number(mode) }) };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value for a message: short, and never an object's content. */
export function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
