import * as fs from "node:fs";
import { promisify } from "node:util";
import { SandboxError } from "../errors.js";
import type { LeakScan } from "../redaction/leaks.js";
import { Holes, type Range } from "./holes.js";
import type { Slices } from "./slices.js";

/** Up to here a file is copied on the calling thread: several times as fast as by promises. */
const SMALL = 256 * 1024;
const CHUNK = 1024 * 1024;
const BLOCK = 4096;
/** As much of holes as is read where nothing tells where they are: a second or two. */
const MOST_ZEROS = 4 * 1024 ** 3;
const ZEROS = Buffer.alloc(BLOCK);
const NUL = Buffer.alloc(1);
const read = promisify(fs.read);
const write = promisify(fs.write);

/** What became of a file's content. */
export interface Copied {
  /** Its length, holes included. */
  bytes: number;
  /** Whether the scan found something. */
  leak: boolean;
}

/** Makes errors of the system into those to throw, by what failed. */
export interface Sides {
  reading(error: unknown): unknown;
  writing(error: unknown): unknown;
}

type Size = Pick<fs.BigIntStats, "size" | "blocks">;

/**
 * Copies and compares the content of open files. A large one goes through the thread pool in chunks, so that the
 * event loop goes on and an abort acts; holes stay holes and are not read. One at a time: the buffers are shared.
 */
export class DataCopier {
  readonly #slices: Slices;
  readonly #holes = new Holes();
  #first: Buffer = Buffer.allocUnsafeSlow(SMALL);
  #second: Buffer = Buffer.allocUnsafeSlow(SMALL);

  constructor(slices: Slices) {
    this.#slices = slices;
  }

  /** Fills `to`, which is empty. Stops at the size that `from` had. */
  async copy(from: number, to: number, stat: Size, sides: Sides, scan?: LeakScan): Promise<Copied> {
    const small = at(sides.reading, () => readWhole(from, this.#first));
    if (small !== undefined) {
      at(sides.writing, () => {
        for (const run of runsOf(small, isSparse(stat))) writeWhole(to, small, run, 0);
        if (isSparse(stat)) fs.ftruncateSync(to, small.length);
      });
      return { bytes: small.length, leak: scan?.push(small) === true };
    }
    const size = Number(stat.size);
    let done = 0;
    let leak = false;
    for await (const { start, end } of this.#ranges(from, stat, sides)) {
      // What is on both sides of a hole is not one text.
      if (start > done) scan?.push(NUL);
      const see = (chunk: Buffer) => {
        if (scan?.push(chunk)) leak = true;
      };
      if (end - start > SMALL) {
        done = await this.#copyRange(from, to, { start, end }, isSparse(stat), sides, see);
      } else {
        if (this.#slices.due()) await this.#slices.rest();
        done = start + this.#copyPart(from, to, { start, end }, sides, see);
      }
      if (done < end) return { bytes: done, leak };
    }
    at(sides.writing, () => fs.ftruncateSync(to, size));
    return { bytes: size, leak };
  }

  /** The same for a file that has these bytes already; undefined when it hasn't. */
  async compare(
    from: number,
    other: number,
    size: number,
    sides: Sides,
    scan?: LeakScan,
  ): Promise<Copied | undefined> {
    this.#grow();
    let leak = false;
    for (let done = 0; done < size; ) {
      if (this.#slices.due()) await this.#slices.rest();
      this.#slices.throwIfAborted();
      const length = Math.min(CHUNK, size - done);
      const [chunk, twin] =
        size <= SMALL
          ? [readNow(from, this.#first, length, done), readNow(other, this.#second, length, done)]
          : await Promise.all([
              readAt(from, this.#first, length, done),
              readAt(other, this.#second, length, done),
            ]).catch((error) => {
              throw sides.reading(error);
            });
      if (chunk.length === 0 || !chunk.equals(twin)) return undefined;
      if (scan?.push(chunk)) leak = true;
      done += chunk.length;
    }
    return { bytes: size, leak };
  }

  close(): Promise<void> {
    return this.#holes.close();
  }

  async *#ranges(from: number, stat: Size, sides: Sides): AsyncGenerator<Range> {
    const size = Number(stat.size);
    let start = 0;
    while (isSparse(stat) && start < size) {
      const found = await this.#holes.rangesFrom(from, start, this.#slices);
      if (found === undefined) {
        if (size - start > MOST_ZEROS) throw sides.reading(cantSkipHoles(size));
        break;
      }
      for (const range of found.ranges) {
        if (range.start >= size) return;
        yield { start: range.start, end: Math.min(range.end, size) };
        start = range.end;
      }
      if (found.last) return;
    }
    if (start < size) yield { start, end: size };
  }

  /** A file may have millions of these. Gives how long it was. */
  #copyPart(
    from: number,
    to: number,
    { start, end }: Range,
    sides: Sides,
    see: (chunk: Buffer) => void,
  ): number {
    const chunk = at(sides.reading, () => readNow(from, this.#first, end - start, start));
    see(chunk);
    at(sides.writing, () => writeWhole(to, chunk, { start: 0, end: chunk.length }, start));
    return chunk.length;
  }

  /** Reads ahead while it writes. Gives where it stopped: before the end when there was no more. */
  async #copyRange(
    from: number,
    to: number,
    { start, end }: Range,
    sparse: boolean,
    sides: Sides,
    see: (chunk: Buffer) => void,
  ): Promise<number> {
    this.#grow();
    const next = (position: number) => {
      const reading = readAt(from, this.#first, Math.min(CHUNK, end - position), position);
      reading.catch(() => undefined); // Looked at below, unless writing fails before.
      [this.#first, this.#second] = [this.#second, this.#first];
      return reading;
    };
    let reading = next(start);
    try {
      for (let position = start; position < end; ) {
        this.#slices.throwIfAborted();
        const chunk = await reading.catch((error) => {
          throw sides.reading(error);
        });
        if (chunk.length === 0) return position;
        const place = position;
        position += chunk.length;
        if (position < end) reading = next(position);
        see(chunk);
        try {
          for (const run of runsOf(chunk, sparse)) await writeAt(to, chunk, run, place);
        } catch (error) {
          throw sides.writing(error);
        }
        if (this.#slices.due()) await this.#slices.rest();
      }
      return end;
    } finally {
      await reading.catch(() => undefined); // It writes to a buffer of ours.
    }
  }

  #grow(): void {
    if (this.#first.length === CHUNK) return;
    this.#first = Buffer.allocUnsafeSlow(CHUNK);
    this.#second = Buffer.allocUnsafeSlow(CHUNK);
  }
}

/** Whether the disk has less of a file than it is long. */
function isSparse({ size, blocks }: Size): boolean {
  return blocks * 512n < size;
}

function cantSkipHoles(size: number): SandboxError {
  const message = `it is a sparse file of ${size} bytes, and this machine has no perl and no python3 to tell where its data is; install one, or leave the file out with exclude`;
  return new SandboxError("LIMIT", message, { operation: "copy" });
}

/** The parts to write: all of it, or what is not zeros. */
function runsOf(chunk: Buffer, sparse: boolean): Range[] {
  if (!sparse) return [{ start: 0, end: chunk.length }];
  const runs: Range[] = [];
  for (let start = 0; start < chunk.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, chunk.length);
    if (ZEROS.compare(chunk, start, end, 0, end - start) === 0) continue;
    const last = runs.at(-1);
    if (last?.end === start) last.end = end;
    else runs.push({ start, end });
  }
  return runs;
}

/** All of a file; undefined when it is not small. */
function readWhole(descriptor: number, buffer: Buffer): Buffer | undefined {
  // A short read of a regular file is its end.
  const length = fs.readSync(descriptor, buffer, 0, SMALL, 0);
  return length < SMALL ? buffer.subarray(0, length) : undefined;
}

function readNow(descriptor: number, buffer: Buffer, length: number, position: number): Buffer {
  return buffer.subarray(0, fs.readSync(descriptor, buffer, 0, length, position));
}

async function readAt(descriptor: number, buffer: Buffer, length: number, position: number): Promise<Buffer> {
  const { bytesRead } = await read(descriptor, buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function writeWhole(descriptor: number, bytes: Buffer, { start, end }: Range, place: number): void {
  for (let done = start; done < end; ) {
    done += fs.writeSync(descriptor, bytes, done, end - done, place + done);
  }
}

async function writeAt(descriptor: number, bytes: Buffer, { start, end }: Range, place: number) {
  for (let done = start; done < end; ) {
    done += (await write(descriptor, bytes, done, end - done, place + done)).bytesWritten;
  }
}

function at<Result>(side: (error: unknown) => unknown, call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    throw side(error);
  }
}
