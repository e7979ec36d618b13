import type { ExecResult } from "../options.js";
import type { CommandStream, OutputChunk } from "../service.js";

/** Characters: past these the command waits for the reader. */
const HIGH = 64 * 1024;
/** An engine that can't have a command wait goes on: past these it is dropped. */
const MOST = 16 * 1024 * 1024;

/** What a command is to be run with, so that it gives its output to a stream. */
export interface Outlet {
  onText(chunk: OutputChunk): void;
  /** What the command waits for before it may print more. */
  pace(): Promise<void> | undefined;
  /** Aborted when the reader has left. */
  readonly left: AbortSignal;
}

/** The output of a command as it comes. `run` starts the command. */
export function commandStream(run: (outlet: Outlet) => Promise<ExecResult>): CommandStream {
  const waiting: OutputChunk[] = [];
  let size = 0;
  let dropped = 0;
  let isRead = false;
  let isAwaited = false;
  let ended = false;
  let goOn: (() => void)[] = [];
  let wake: (() => void)[] = [];
  const left = new AbortController();
  const call = (list: (() => void)[]) => {
    for (const each of list) each();
  };
  const release = () => {
    call(goOn);
    goOn = [];
  };
  const tell = () => {
    call(wake);
    wake = [];
  };
  // Who only awaits the result has no use for what it would be made to wait by.
  const flows = () => isAwaited && !isRead;
  const result = run({
    onText(chunk) {
      if (left.signal.aborted) return;
      if (size >= (flows() ? HIGH : MOST)) {
        dropped += Buffer.byteLength(chunk.text);
        return;
      }
      waiting.push(chunk);
      size += chunk.text.length;
      tell();
    },
    pace: () =>
      size < HIGH || flows() || left.signal.aborted
        ? undefined
        : new Promise<void>((resolve) => goOn.push(resolve)),
    left: left.signal,
  }).finally(() => {
    ended = true;
    release();
    tell();
  });
  result.catch(() => undefined); // who reads it to its end, or awaits it, hears of it there
  const next = async (): Promise<IteratorResult<OutputChunk, undefined>> => {
    for (;;) {
      const chunk = waiting.shift();
      if (chunk) {
        size -= chunk.text.length;
        if (size < HIGH / 2) release();
        return { done: false, value: chunk };
      }
      if (dropped > 0) {
        const text = `\n... ${dropped} bytes dropped ...\n`;
        dropped = 0;
        return { done: false, value: { stream: "stdout", text } };
      }
      if (left.signal.aborted) return { done: true, value: undefined };
      if (ended) {
        await result;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => wake.push(resolve));
    }
  };
  return {
    [Symbol.asyncIterator]() {
      isRead = true;
      return {
        next,
        async return() {
          if (!ended) left.abort(new Error("the reader of its output left"));
          waiting.length = 0;
          size = 0;
          release();
          tell();
          await result.catch(() => undefined);
          return { done: true, value: undefined };
        },
      };
    },
    // biome-ignore lint/suspicious/noThenProperty: it is to be awaited for the result.
    then(fulfilled, rejected) {
      isAwaited = true;
      if (flows()) release();
      return result.then(fulfilled, rejected);
    },
  };
}
