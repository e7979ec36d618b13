import type { CheckedFile } from "../../arguments/arguments.js";
import type { Change } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { change, checkWritable, dataOf, place } from "../files.js";
import type { Context, Step } from "../state.js";

/** What is there already, and what comes after it, as one write: a failure leaves the file as it was. */
export async function append(context: Context, operation: string, file: CheckedFile): Promise<Step<void>> {
  const { engine, state, signal } = context;
  const path = await place(context, operation, file.path);
  await checkWritable(context, operation, path, "write");
  const added = await dataOf(file, operation, signal);
  const real = await engine.resolve(state.snapshot, path, true, signal);
  const before = await engine.stat(state.snapshot, real, signal);
  const data = before ? Buffer.concat([await engine.read(state.snapshot, path, signal), added]) : added;
  return { value: undefined, next: await change(context, [{ kind: "write", ...file, path, data }]) };
}

/** Follows links at both ends. */
export async function copy(
  context: Context,
  operation: string,
  from: string,
  to: string,
): Promise<Step<void>> {
  const { engine, state, signal } = context;
  const [source, target] = [await place(context, operation, from), await place(context, operation, to)];
  await checkWritable(context, operation, target, "write");
  const data = await engine.read(state.snapshot, source, signal);
  const real = await engine.resolve(state.snapshot, source, true, signal);
  if (real === (await engine.resolve(state.snapshot, target, true, signal))) return { value: undefined };
  const mode = await modeOf(context, real);
  return { value: undefined, next: await change(context, [{ kind: "write", path: target, data, ...mode }]) };
}

/** Like rename(2): of a link at the end of `to` the link is replaced. */
export async function move(
  context: Context,
  operation: string,
  from: string,
  to: string,
): Promise<Step<void>> {
  const { engine, state, signal } = context;
  const [source, target] = [await place(context, operation, from), await place(context, operation, to)];
  await checkWritable(context, operation, source, "delete");
  await checkWritable(context, operation, target, "delete");
  const { snapshot } = state;
  const found = await engine.stat(snapshot, source, signal);
  if (found && found.type !== "file") throw noFile(operation, from, found.type);
  const data = await engine.read(snapshot, source, signal);
  const real = await engine.resolve(snapshot, source, false, signal);
  if (real === (await engine.resolve(snapshot, target, false, signal))) return { value: undefined };
  const isLink = (await engine.stat(snapshot, target, signal))?.type === "symlink";
  const changes: Change[] = [
    ...(isLink ? [{ kind: "delete" as const, path: target, recursive: false }] : []),
    { kind: "write", path: target, data, ...(await modeOf(context, real)) },
    { kind: "delete", path: source, recursive: false },
  ];
  return { value: undefined, next: await change(context, changes) };
}

async function modeOf({ engine, state, signal }: Context, real: string): Promise<{ mode?: number }> {
  const found = await engine.stat(state.snapshot, real, signal);
  return found ? { mode: found.mode & 0o777 } : {};
}

function noFile(operation: string, path: string, type: string): SandboxError {
  const message = `${operation} ${path}: it is a ${type === "other" ? "special file" : type}, and only files are moved. Use a command, mv say.`;
  return new SandboxError("NOT_A_FILE", message, { operation, path });
}
