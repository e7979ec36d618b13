import { invalid, shown } from "../arguments/arguments.js";
import { bytesOf, isBlob } from "../arguments/data.js";

/** A command's stdin, as its caller gave it. */
export type StdinSource =
  | { kind: "bytes"; bytes: Uint8Array }
  /** `open` starts reading. */
  | { kind: "stream"; open: () => Chunks };

/** A stream that is being read. */
interface Chunks {
  next(): PromiseLike<{ done?: boolean | undefined; value?: unknown }>;
  /** Lets go of it, also while `next` waits. */
  end(): unknown;
}

/** What is used of a stream of Node. */
interface NodeStream extends AsyncIterable<unknown> {
  on(event: "error", listener: (error: unknown) => void): unknown;
  destroy?(): unknown;
}

const failures = new WeakMap<object, { error?: unknown; failed: boolean }>();

/** Takes charge of a stream at once: one that fails before its command's turn would end the process. */
export function checkStdin(stdin: unknown, operation: string): StdinSource | undefined {
  if (stdin === undefined) return undefined;
  const bytes = bytesOf(stdin);
  if (bytes) return { kind: "bytes", bytes };
  if (isBlob(stdin)) return { kind: "stream", open: () => readWeb(stdin.stream()) };
  if (typeof stdin === "object" && stdin !== null) {
    if (isWebStream(stdin)) return { kind: "stream", open: () => readWeb(stdin) };
    if (isIterable(stdin)) {
      const failure = isNodeStream(stdin) ? watch(stdin) : undefined;
      return { kind: "stream", open: () => readIterable(stdin, failure) };
    }
  }
  const kinds = "a string, bytes, a Blob or a stream of them";
  throw invalid(operation, `stdin must be ${kinds}, but is ${shown(stdin)}`);
}

/** The bytes of a command's stdin. `failed` gets what reading the caller's stream threw; then it ends. It never rejects. */
export function stdinBytes(
  source: StdinSource,
  failed: (error: unknown) => void,
): AsyncIterableIterator<Uint8Array> {
  let chunks: Chunks | undefined;
  let ended = false;
  const end = () => {
    ended = true;
    letGo(chunks);
    return { done: true as const, value: undefined };
  };
  return {
    async next() {
      if (ended) return end();
      if (source.kind === "bytes") {
        ended = true;
        return { done: false, value: source.bytes };
      }
      try {
        chunks ??= source.open();
        const { done, value } = await chunks.next();
        if (!done) return { done: false, value: bytesOfChunk(value) };
      } catch (error) {
        if (!ended) failed(error);
      }
      return end();
    },
    async return() {
      return end();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function bytesOfChunk(chunk: unknown): Uint8Array {
  const bytes = bytesOf(chunk);
  if (bytes) return bytes;
  throw invalid("exec", `stdin must give strings or bytes, but gave ${shown(chunk)}`);
}

/** Nobody waits for it: an iterator's `return` may hang, and what it throws is no concern of the command's any more. */
function letGo(chunks: Chunks | undefined): void {
  void (async () => chunks?.end())().catch(() => undefined);
}

function watch(stream: NodeStream): { error?: unknown; failed: boolean } {
  const known = failures.get(stream);
  if (known) return known;
  const failure: { error?: unknown; failed: boolean } = { failed: false };
  failures.set(stream, failure);
  // For good: it may also fail when the command has ended long ago.
  stream.on("error", (error) => {
    if (!failure.failed) Object.assign(failure, { error, failed: true });
  });
  return failure;
}

function readIterable(
  stream: AsyncIterable<unknown>,
  failure: { error?: unknown; failed: boolean } | undefined,
): Chunks {
  if (failure?.failed) throw failure.error;
  const iterator = stream[Symbol.asyncIterator]();
  return {
    next: () => iterator.next(),
    // A stream's own iterator ends it only after the chunk it waits for, which may never come.
    end: () => (isNodeStream(stream) && stream.destroy ? stream.destroy() : iterator.return?.()),
  };
}

function readWeb(stream: ReadableStream<unknown>): Chunks {
  const reader = stream.getReader();
  return {
    next: () => reader.read(),
    end: async () => {
      await reader.cancel();
      reader.releaseLock();
    },
  };
}

function isWebStream(stream: object): stream is ReadableStream<unknown> {
  return "getReader" in stream && typeof stream.getReader === "function";
}

function isIterable(stream: object): stream is AsyncIterable<unknown> {
  return Symbol.asyncIterator in stream;
}

function isNodeStream(stream: object): stream is NodeStream {
  return "on" in stream && typeof stream.on === "function";
}
