// What forkbox itself does with sandboxes, below the public API.
import { checkEnv, checkFiles, checkSecrets } from "../arguments/arguments.js";
import { absolutePath, checkPath } from "../arguments/paths.js";
import { SandboxError } from "../errors.js";
import { Slices } from "../files/slices.js";
import type { SelectOptions } from "../host/selection/select.js";
import type { CreateOptions, RefreshResult } from "../options.js";
import type { Redactor } from "../redaction/redactor.js";
import { addVariables, startCore, withEngine } from "./core.js";
import { changeSettings, type ForkOptions, requireSettings } from "./create-arguments.js";
import { write } from "./files.js";
import { importFromHost } from "./host-boundary.js";
import { missingProgram } from "./missing-program.js";
import { coreOf, fromCore, type Sandbox } from "./sandbox.js";
import { readPart } from "./single-files/parts.js";
import type { Context, Step } from "./state.js";

/** A sandbox on the snapshot kept under a key; undefined when there is none. */
export async function createFromKept(key: string, options: CreateOptions): Promise<Sandbox | undefined> {
  const core = await startCore(options, (engine, base, { signal }) => engine.find(key, base, signal));
  return core && fromCore(core);
}

/** Keeps a sandbox's files under a key, after everything issued before. */
export function keepSandbox(sandbox: Sandbox, key: string, signal?: AbortSignal): Promise<void> {
  return coreOf(sandbox).run("keep", { ...(signal && { signal }) }, async (context) => ({
    value: await context.engine.keep(key, context.state.snapshot, context.signal),
  }));
}

/** The next that looks for the key finds nothing. */
export function forgetKept(key: string, options: CreateOptions): Promise<void> {
  return withEngine(options, options.base, ({ engine }) => engine.forget(key));
}

/** A fork with other settings; env and secrets are added to what it inherits. */
export async function forkWith(sandbox: Sandbox, options: ForkOptions): Promise<Sandbox> {
  const core = coreOf(sandbox);
  const env = checkEnv(options.env, "fork");
  const secrets = checkSecrets(options.secrets, "fork");
  const fork = await core.run("fork", options, async ({ engine, settings, state, signal }) => {
    const changed = changeSettings(settings, options);
    requireSettings(engine.name, await engine.capabilities(signal), changed);
    return { value: await core.copy(changed, addVariables(state, env, secrets), true) };
  });
  return fromCore(fork);
}

/** `refreshFromHost` with what only validation asks for. */
export function importSelection(
  sandbox: Sandbox,
  hostPath: string,
  to: string,
  options: SelectOptions,
): Promise<RefreshResult> {
  const operation = "refreshFromHost";
  return coreOf(sandbox).run(operation, options, (context) =>
    importFromHost(context, hostPath, absolutePath(context.state.workdir, to, operation), options),
  );
}

/**
 * For people, when a command has failed: where this machine has the program that it printed it had not found, and how
 * sandboxes come to show it. Undefined where nothing can be said.
 */
export async function hintOfMissing(
  sandbox: Sandbox,
  output: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const program = missingProgram(output);
  return program === undefined ? undefined : whereIs(sandbox, program, signal);
}

/** The same of a program by its name. */
export function whereIs(
  sandbox: Sandbox,
  program: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  return coreOf(sandbox).run("exec", { ...(signal && { signal }) }, async ({ engine, state }) => ({
    value: await engine.whereIs?.(state.snapshot, program),
  }));
}

/** From here on these are redacted as secrets are, in forks of it, too. */
export function redactAlso(sandbox: Sandbox, values: readonly string[]): Promise<void> {
  return coreOf(sandbox).run("fork", {}, async ({ state }) => ({
    value: undefined,
    next: { ...state, redactor: state.redactor.with(values) },
  }));
}

/** Knows every secret of a sandbox. */
export function redactorOf(sandbox: Sandbox): Redactor {
  return coreOf(sandbox).redactor;
}

/** The paths that `readOnlyPaths` covers, each with a word that changes when it does, after everything issued before. */
export function readOnlyState(sandbox: Sandbox): Promise<ReadonlyMap<string, string>> {
  return coreOf(sandbox).run("readOnlyPaths", {}, async ({ engine, settings, state, signal }) => ({
    value: await settings.readOnlyPaths.state(engine, state.snapshot, new Slices("readOnlyPaths", signal)),
  }));
}

/** A file's bytes, where they are not more than that. Its size is looked at in the same turn. */
export function readAtMost(
  sandbox: Sandbox,
  path: string,
  mostBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  checkPath(path, "readFile");
  return coreOf(sandbox).run("readFile", { signal }, (context) =>
    readSmall(context, "readFile", path, mostBytes),
  );
}

/** Reads, changes and writes a file in one turn. */
export function editFile(
  sandbox: Sandbox,
  path: string,
  mostBytes: number,
  edit: (bytes: Uint8Array) => Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const operation = "editFile";
  checkPath(path, operation);
  return coreOf(sandbox).run(operation, { signal }, async (context) => {
    const { value } = await readSmall(context, operation, path, mostBytes);
    return write(context, operation, checkFiles([{ path, data: edit(value) }], operation));
  });
}

async function readSmall(
  context: Context,
  operation: string,
  path: string,
  mostBytes: number,
): Promise<Step<Uint8Array>> {
  const { engine, state, signal } = context;
  const real = await engine.resolve(
    state.snapshot,
    absolutePath(state.workdir, path, operation),
    true,
    signal,
  );
  const size = (await engine.stat(state.snapshot, real, signal))?.size ?? 0;
  if (size <= mostBytes) return readPart(context, operation, path, undefined);
  const message = `${operation} ${path}: it has ${size} bytes, and at most ${mostBytes} are read at once. Take a part of it with a command.`;
  throw new SandboxError("LIMIT", message, { operation, path });
}
