import { type CheckedFile, invalid } from "./arguments.js";
import { refuseCaches } from "./cache-paths.js";
import type { Change, Entry } from "./engine.js";
import { plainBytes } from "./live-output.js";
import { absolutePath } from "./paths.js";
import type { Context, State, Step } from "./state.js";

export async function read(context: Context, operation: string, path: string): Promise<Step<Uint8Array>> {
  const { engine, state, signal } = context;
  return {
    value: plainBytes(await engine.read(state.snapshot, await place(context, operation, path), signal)),
  };
}

export async function readText(context: Context, operation: string, path: string): Promise<Step<string>> {
  const { value } = await read(context, operation, path);
  return { value: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString() };
}

export async function list(context: Context, operation: string, path: string): Promise<Step<Entry[]>> {
  const { engine, state, signal } = context;
  return { value: await engine.list(state.snapshot, await place(context, operation, path), signal) };
}

export async function statOf(
  context: Context,
  operation: string,
  path: string,
): Promise<Step<Entry | undefined>> {
  const { engine, state, signal } = context;
  return { value: await engine.stat(state.snapshot, await place(context, operation, path), signal) };
}

export async function write(
  context: Context,
  operation: string,
  files: readonly CheckedFile[],
): Promise<Step<void>> {
  const changes: Change[] = [];
  for (const file of files) {
    changes.push({ kind: "write", ...file, path: await place(context, operation, file.path) });
  }
  for (const { path } of changes) await checkWritable(context, operation, path, "write");
  return { value: undefined, next: await change(context, changes) };
}

export async function makeDirectory(context: Context, operation: string, path: string): Promise<Step<void>> {
  const changes: Change[] = [{ kind: "directory", path: await place(context, operation, path) }];
  return { value: undefined, next: await change(context, changes) };
}

export async function changeWorkdir(context: Context, operation: string, path: string): Promise<Step<void>> {
  const workdir = await place(context, operation, path);
  const next = await change(context, [{ kind: "directory", path: workdir }]);
  return { value: undefined, next: { ...next, workdir } };
}

export async function remove(
  context: Context,
  operation: string,
  path: string,
  recursive: boolean,
): Promise<Step<void>> {
  const real = await place(context, operation, path);
  if (real === "/") throw invalid(operation, "the root can't be deleted");
  await checkWritable(context, operation, real, "delete");
  return { value: undefined, next: await change(context, [{ kind: "delete", path: real, recursive }]) };
}

/** The absolute path, in the snapshot. */
async function place(context: Context, operation: string, path: string): Promise<string> {
  const absolute = absolutePath(context.state.workdir, path, operation);
  await refuseCaches(context, absolute, operation);
  return absolute;
}

async function checkWritable(context: Context, operation: string, path: string, act: "write" | "delete") {
  const { engine, settings, state, signal } = context;
  await settings.readOnlyPaths.check(engine, state.snapshot, path, act, operation, signal);
}

async function change({ engine, settings, state, signal }: Context, changes: Change[]): Promise<State> {
  return { ...state, snapshot: await engine.change(state.snapshot, changes, settings.user, signal) };
}
