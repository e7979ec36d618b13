import { invalid, shown } from "../../arguments/arguments.js";
import type { ByteRange, Engine, Snapshot } from "../../engine.js";
import type { Core } from "../core.js";
import { failure } from "../failure.js";
import { place } from "../files.js";
import { plainBytes } from "../live-output.js";
import type { Context, Step } from "../state.js";

/** Of a stream. An engine may have to read all of a file for a part of it. */
const PART_BYTES = 4 * 1024 * 1024;

/** Where a part begins, and how long it may be; either can be left out. */
export interface RangeOptions {
  offset?: number;
  length?: number;
}

/** Undefined where all of the file is meant. */
export function checkRange({ offset, length }: RangeOptions, operation: string): ByteRange | undefined {
  for (const [name, value] of Object.entries({ offset, length })) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) continue;
    throw invalid(operation, `${name} must be a whole number of bytes, but is ${shown(value)}`);
  }
  if (offset === undefined && length === undefined) return undefined;
  return { offset: offset ?? 0, length: length ?? Number.MAX_SAFE_INTEGER };
}

export async function readPart(
  context: Context,
  operation: string,
  path: string,
  range: ByteRange | undefined,
): Promise<Step<Uint8Array>> {
  const { engine, state, signal } = context;
  const bytes = await engine.read(state.snapshot, await place(context, operation, path), signal, range);
  return { value: plainBytes(bytes) };
}

/** The file as it is when the turn comes: later operations neither wait for the reader nor change what it reads. */
export async function* streamFile(
  core: Core,
  path: string,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const operation = "readFileStream";
  const { engine, snapshot, absolute, letGo } = await core.run(
    operation,
    signal ? { signal } : {},
    (context) => hold(core, context, operation, path),
  );
  try {
    let { offset, length } = range ?? { offset: 0, length: Number.MAX_SAFE_INTEGER };
    while (length > 0) {
      signal?.throwIfAborted();
      const wanted = Math.min(PART_BYTES, length);
      const part = await engine.read(snapshot, absolute, signal, { offset, length: wanted });
      if (part.length > 0) yield plainBytes(part);
      if (part.length < wanted) return;
      offset += part.length;
      length -= part.length;
    }
  } catch (error) {
    throw failure(operation, error, signal, core.redactor);
  } finally {
    await letGo();
  }
}

interface Held {
  engine: Engine;
  snapshot: Snapshot;
  absolute: string;
  letGo: () => Promise<void>;
}

async function hold(core: Core, context: Context, operation: string, path: string): Promise<Step<Held>> {
  const { engine, state, signal } = context;
  const absolute = await place(context, operation, path);
  // What can't be read is said now, in its turn.
  await engine.read(state.snapshot, absolute, signal, { offset: 0, length: 0 });
  return { value: { snapshot: state.snapshot, absolute, ...core.hold(state.snapshot) } };
}
