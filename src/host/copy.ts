import * as fs from "node:fs";
import type { LeakScan } from "../redaction/leaks.js";
import { printable } from "./bytes.js";
import { hostError } from "./errors.js";
import type { Planned } from "./plan.js";
import type { Slices } from "./slices.js";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;
// What is planned as a file is one; should it not be, opening it must neither follow a link nor hang.
const READ_ONLY_FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
const NEW_FILE = O_WRONLY | O_CREAT | O_EXCL;
const CHUNK_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

type File = Planned & { kind: "file" };

/** Copies files of the sandbox to the host, and compares them. One at a time: the buffers are shared. */
export class FileCopier {
  readonly #operation: string;
  readonly #slices: Slices;
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  readonly #otherBuffer = Buffer.allocUnsafe(CHUNK_BYTES);

  constructor(operation: string, slices: Slices) {
    this.#operation = operation;
    this.#slices = slices;
  }

  /** Creates `to`, which must not exist. Gives the bytes copied and whether `scan` found something. */
  async copy(
    file: File,
    to: Buffer,
    shownTo: () => string,
    scan?: LeakScan,
  ): Promise<{ bytes: number; leak: boolean }> {
    const source = this.#read(file, () => fs.openSync(file.full, READ_ONLY_FILE));
    let sink: number | undefined;
    try {
      sink = this.#write(shownTo, () => fs.openSync(to, NEW_FILE, file.mode));
      const descriptor = sink;
      let bytes = 0;
      let leak = false;
      let endsInHole = false;
      while (bytes < file.size) {
        if (this.#slices.due()) await this.#slices.rest();
        const chunk = this.#read(file, () => readChunk(source, this.#buffer));
        if (chunk.length === 0) break;
        if (scan?.push(chunk)) leak = true;
        endsInHole = file.sparse && chunk.equals(ZEROS.subarray(0, chunk.length));
        const start = bytes;
        if (!endsInHole) this.#write(shownTo, () => writeAll(descriptor, chunk, start));
        bytes += chunk.length;
      }
      if (endsInHole) this.#write(shownTo, () => fs.ftruncateSync(descriptor, bytes));
      return { bytes, leak };
    } finally {
      fs.closeSync(source);
      if (sink !== undefined) fs.closeSync(sink);
    }
  }

  /** The same for a host file that has the same bytes already; undefined when it hasn't, or can't be read. */
  async compare(
    file: File,
    twin: Buffer,
    scan?: LeakScan,
  ): Promise<{ bytes: number; leak: boolean } | undefined> {
    const source = this.#read(file, () => fs.openSync(file.full, READ_ONLY_FILE));
    let other: number | undefined;
    try {
      other = openOrNothing(twin);
      if (other === undefined) return undefined;
      let bytes = 0;
      let leak = false;
      while (bytes < file.size) {
        if (this.#slices.due()) await this.#slices.rest();
        const chunk = this.#read(file, () => readChunk(source, this.#buffer));
        if (chunk.length === 0 || !chunk.equals(readChunk(other, this.#otherBuffer))) return undefined;
        if (scan?.push(chunk)) leak = true;
        bytes += chunk.length;
      }
      return { bytes, leak };
    } finally {
      fs.closeSync(source);
      if (other !== undefined) fs.closeSync(other);
    }
  }

  #read<Result>(file: File, call: () => Result): Result {
    try {
      return call();
    } catch (error) {
      throw hostError(error, this.#operation, "Can't read", printable(file.path));
    }
  }

  #write<Result>(shownTo: () => string, call: () => Result): Result {
    try {
      return call();
    } catch (error) {
      throw hostError(error, this.#operation, "Can't write", shownTo());
    }
  }
}

function readChunk(descriptor: number, buffer: Buffer): Buffer {
  return buffer.subarray(0, fs.readSync(descriptor, buffer, 0, CHUNK_BYTES, null));
}

function writeAll(sink: number, chunk: Buffer, position: number): void {
  for (let done = 0; done < chunk.length; ) {
    done += fs.writeSync(sink, chunk, done, chunk.length - done, position + done);
  }
}

function openOrNothing(path: Buffer): number | undefined {
  try {
    return fs.openSync(path, READ_ONLY_FILE);
  } catch {
    return undefined;
  }
}
