import { randomBytes } from "node:crypto";
import { performance, sleep } from "../../../timers.js";
import { call, type Step } from "../session/graphql.js";
import type { QueryOptions } from "../session/session.js";
import type { DaggerSnapshot } from "../snapshots/snapshot.js";
import { CHANNEL, FEED, MOUNT } from "./scripts.js";

/** A stdin that ends within this is a file for the command, and costs nothing while it runs. */
const GATHER_MS = 30;
const GATHER_BYTES = 8 * 1024 * 1024;

/** Where a command's stdin comes from. */
export interface Stdin {
  /** All of it, when it has ended before the command starts. */
  readonly bytes: Buffer | undefined;
  /** What a container needs to get it while it runs. */
  readonly steps: readonly Step[];
  /** Starts handing on what comes. Rejects when the engine fails; never resolves before `close`. */
  feed(options: QueryOptions): Promise<never>;
  close(): void;
}

/**
 * Dagger starts a command with all of its input or none. A stdin that goes on is handed to the running command
 * in pieces: each is brought by a small command of its own into a cache volume that both see. It is root's: what the
 * command put there, links among it, would be read with root's rights.
 */
export async function openStdin(
  source: AsyncIterable<Uint8Array> | undefined,
  from: DaggerSnapshot,
  options: QueryOptions,
): Promise<Stdin> {
  if (!source)
    return { bytes: undefined, steps: [], feed: () => new Promise(() => undefined), close: () => undefined };
  const reader = new Gatherer(source[Symbol.asyncIterator]());
  const first = await reader.take(options.signal);
  if (reader.ended) {
    return { bytes: first, steps: [], feed: () => new Promise(() => undefined), close: () => undefined };
  }
  const key = `forkbox-stdin-${randomBytes(12).toString("hex")}`;
  const { session } = from.workspace;
  const { id } = await session.run<{ id: string }>([call("cacheVolume", { key })], "id", options);
  const mount = call("withMountedCache", { path: CHANNEL, cache: id });
  const stop = new AbortController();
  return {
    bytes: undefined,
    steps: [mount],
    async feed(asked) {
      const feeding = {
        ...asked,
        signal: AbortSignal.any([stop.signal, ...(asked.signal ? [asked.signal] : [])]),
      };
      let piece = first.length > 0 ? first : await reader.take(stop.signal, true);
      for (let number = 1; ; number++) {
        await bring(from, mount, `${key} ${number}`, number, piece, feeding);
        // An empty piece is the end.
        if (piece.length === 0) return new Promise<never>(() => undefined);
        piece = await reader.take(stop.signal, true);
      }
    },
    close() {
      stop.abort();
      reader.close();
    },
  };
}

/** Waits for its turn, so that a command that reads slowly holds up its source. */
async function bring(
  from: DaggerSnapshot,
  mount: Step,
  key: string,
  number: number,
  piece: Buffer,
  options: QueryOptions,
) {
  const { workspace, container } = from;
  const staged = await workspace.stageTools({ piece }, key);
  const source = await workspace.hostDirectory(staged, options);
  const steps = [
    workspace.container(container),
    call("withMountedDirectory", { path: MOUNT, source }),
    mount,
    call("withExec", { args: ["/bin/sh", "-c", FEED, "feed", String(number)], noInit: true }),
  ];
  await workspace.session.run(steps, "exitCode", options);
  await workspace.discard(staged);
}

/** Reads ahead of what is asked for, one piece at a time. */
class Gatherer {
  ended = false;
  readonly #iterator: AsyncIterator<Uint8Array>;
  #reading: Promise<IteratorResult<Uint8Array>> | undefined;

  constructor(iterator: AsyncIterator<Uint8Array>) {
    this.#iterator = iterator;
  }

  /** What comes within a moment. `patient` waits for something, however long that takes; nothing is the end. */
  async take(signal: AbortSignal | undefined, patient = false): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const until = performance.now() + GATHER_MS;
    while (size < GATHER_BYTES && !this.ended) {
      this.#reading ??= this.#iterator.next();
      const left = until - performance.now();
      if (left <= 0 && size > 0) break;
      const wait = patient && size === 0 ? forever(signal) : sleep(Math.max(0, left));
      const result = await Promise.race([this.#reading, wait]);
      if (!result) break;
      this.#reading = undefined;
      if (result.done) {
        this.ended = true;
        break;
      }
      chunks.push(result.value);
      size += result.value.length;
    }
    signal?.throwIfAborted();
    return Buffer.concat(chunks);
  }

  /** Not awaited: a source may never answer. */
  close(): void {
    this.#reading?.catch(() => undefined);
    if (!this.ended) void Promise.resolve(this.#iterator.return?.()).catch(() => undefined);
  }
}

/** Until the signal is aborted. */
function forever(signal: AbortSignal | undefined): Promise<undefined> {
  return new Promise((resolve) =>
    signal?.addEventListener("abort", () => resolve(undefined), { once: true }),
  );
}
