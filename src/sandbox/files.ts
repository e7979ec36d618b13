import { type CheckedFile, invalid } from "../arguments/arguments.js";
import { bytesOf, isBlob } from "../arguments/data.js";
import { absolutePath } from "../arguments/paths.js";
import type { Change, Entry } from "../engine.js";
import { messageOf, SandboxError } from "../errors.js";
import { refuseCaches } from "./cache-paths.js";
import { stopError } from "./queue.js";
import type { Context, State, Step } from "./state.js";

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
    const path = await place(context, operation, file.path);
    changes.push({ kind: "write", ...file, path, data: await dataOf(file, operation, context.signal) });
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

/** A Blob may be a file of the host's, which can be gone, or something that never answers. */
export async function dataOf(
  { path, data }: CheckedFile,
  operation: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (!isBlob(data)) return data;
  let stop: () => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(stopError(operation, signal.reason));
    signal.addEventListener("abort", stop);
  });
  try {
    signal.throwIfAborted();
    const bytes = bytesOf(await Promise.race([data.arrayBuffer(), stopped]));
    if (bytes) return bytes;
    throw invalid(operation, `the Blob for ${path} gave no bytes`);
  } catch (cause) {
    if (cause instanceof SandboxError) throw cause;
    const message = `${operation}: the Blob for ${path} could not be read: ${messageOf(cause)}.`;
    throw new SandboxError("INVALID_ARGUMENT", message, { operation, path, cause });
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The absolute path, in the snapshot. */
export async function place(context: Context, operation: string, path: string): Promise<string> {
  const absolute = absolutePath(context.state.workdir, path, operation);
  await refuseCaches(context, absolute, operation);
  return absolute;
}

export async function checkWritable(
  context: Context,
  operation: string,
  path: string,
  act: "write" | "delete",
) {
  const { engine, settings, state, signal } = context;
  await settings.readOnlyPaths.check(engine, state.snapshot, path, act, operation, signal);
}

export async function change(
  { engine, settings, state, signal }: Context,
  changes: Change[],
): Promise<State> {
  return { ...state, snapshot: await engine.change(state.snapshot, changes, settings.user, signal) };
}
