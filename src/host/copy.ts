import * as fs from "node:fs";
import { printable } from "./bytes.js";
import { hostError } from "./errors.js";
import type { Planned } from "./plan.js";
import type { Slices } from "./slices.js";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;
const CHUNK_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

/** Finds secrets in a stream of bytes: `push` is true from the chunk on that completes one. */
export interface LeakScan {
  push(chunk: Uint8Array): boolean;
}

/** Copies files with one buffer. */
export class FileCopier {
  readonly #operation: string;
  readonly #slices: Slices;
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES);

  constructor(operation: string, slices: Slices) {
    this.#operation = operation;
    this.#slices = slices;
  }

  /** Creates `to`, which must not exist, and gives what was copied and whether `scan` found something. */
  async copy(
    file: Planned & { kind: "file" },
    to: Buffer,
    shownTo: () => string,
    scan?: LeakScan,
  ): Promise<{ bytes: number; leak: boolean }> {
    const source = this.#try(
      "Can't read",
      () => printable(file.path),
      () =>
        // A FIFO can't be here, but opening one must not hang if it is.
        fs.openSync(file.full, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
    );
    let sink: number | undefined;
    try {
      sink = this.#try("Can't write", shownTo, () => fs.openSync(to, O_WRONLY | O_CREAT | O_EXCL, file.mode));
      return await this.#pump(file, source, sink, shownTo, scan);
    } finally {
      fs.closeSync(source);
      if (sink !== undefined) fs.closeSync(sink);
    }
  }

  async #pump(
    file: Planned & { kind: "file" },
    source: number,
    sink: number,
    shownTo: () => string,
    scan: LeakScan | undefined,
  ): Promise<{ bytes: number; leak: boolean }> {
    let bytes = 0;
    let leak = false;
    let endsInHole = false;
    while (bytes < file.size) {
      if (this.#slices.due()) await this.#slices.rest();
      const length = this.#try(
        "Can't read",
        () => printable(file.path),
        () => fs.readSync(source, this.#buffer, 0, CHUNK_BYTES, null),
      );
      if (length === 0) break;
      const chunk = this.#buffer.subarray(0, length);
      if (scan?.push(chunk)) leak = true;
      endsInHole = file.sparse && chunk.equals(ZEROS.subarray(0, length));
      const start = bytes;
      if (!endsInHole) this.#try("Can't write", shownTo, () => writeAll(sink, chunk, start));
      bytes += length;
    }
    if (endsInHole) this.#try("Can't write", shownTo, () => fs.ftruncateSync(sink, bytes));
    return { bytes, leak };
  }

  #try<Result>(tried: string, path: () => string, call: () => Result): Result {
    try {
      return call();
    } catch (error) {
      throw hostError(error, this.#operation, tried, path());
    }
  }
}

function writeAll(sink: number, chunk: Buffer, position: number): void {
  for (let done = 0; done < chunk.length; ) {
    done += fs.writeSync(sink, chunk, done, chunk.length - done, position + done);
  }
}
