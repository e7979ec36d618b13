import * as fs from "node:fs";
import { SandboxError } from "../errors.js";
import { printable } from "../files/bytes.js";
import { type Copied, DataCopier, type Sides } from "../files/copy-data.js";
import { hostError } from "../files/errors.js";
import type { Slices } from "../files/slices.js";
import { seconds } from "../files/times.js";
import type { Beneath } from "../programs/beneath.mjs";
import type { LeakScan } from "../redaction/leaks.js";
import type { Planned } from "./plan.js";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants;
// What is planned as a file is one; should it not be, opening it must neither follow a link nor hang.
const READ_ONLY_FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
const NEW_FILE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;

type File = Planned & { kind: "file" };

/** Copies files of the sandbox to the host, and compares them. One at a time. */
export class FileCopier {
  readonly #operation: string;
  readonly #tree: Beneath;
  readonly #data: DataCopier;

  constructor(operation: string, tree: Beneath, slices: Slices) {
    this.#operation = operation;
    this.#tree = tree;
    this.#data = new DataCopier(slices);
  }

  /** Creates `to`, which must not exist, with the file's mode and time. */
  async copy(file: File, to: Buffer, shownTo: () => string, scan?: LeakScan): Promise<Copied> {
    const sides = this.#sides(file, shownTo);
    const { descriptor: source, stat } = this.#open(file);
    let sink: number | undefined;
    try {
      sink = write(sides, () => fs.openSync(to, NEW_FILE, file.mode));
      const copied = await this.#data.copy(source, sink, stat, sides, scan);
      const descriptor = sink;
      write(sides, () => fs.futimesSync(descriptor, seconds(stat.atimeNs), seconds(stat.mtimeNs)));
      return copied;
    } finally {
      fs.closeSync(source);
      if (sink !== undefined) fs.closeSync(sink);
    }
  }

  /** The same for a host file that has the same bytes already; undefined when it hasn't, or can't be read. */
  async compare(file: File, twin: Buffer, scan?: LeakScan): Promise<Copied | undefined> {
    const { descriptor: source } = this.#open(file);
    let other: number | undefined;
    try {
      other = openOrNothing(twin);
      if (other === undefined) return undefined;
      const sides = this.#sides(file, () => printable(twin));
      return await this.#data.compare(source, other, file.size, sides, scan);
    } finally {
      fs.closeSync(source);
      if (other !== undefined) fs.closeSync(other);
    }
  }

  close(): Promise<void> {
    return this.#data.close();
  }

  #open(file: File): { descriptor: number; stat: fs.BigIntStats } {
    const sides = this.#sides(file, () => "");
    let descriptor: number;
    try {
      descriptor = fs.openSync(this.#tree.place(file.path.toString("latin1")), READ_ONLY_FILE);
    } catch (error) {
      throw sides.reading(error);
    }
    const stat = fs.fstatSync(descriptor, { bigint: true });
    if (stat.isFile() && Number(stat.size) === file.size) return { descriptor, stat };
    fs.closeSync(descriptor);
    const path = printable(file.path);
    const message = `Stopped the export: ${path} is no longer the file it was when the export began; something changed it meanwhile.`;
    throw new SandboxError("UNSAFE_EXPORT", message, { operation: this.#operation, path });
  }

  #sides(file: File, shownTo: () => string): Sides {
    return {
      reading: (error) => hostError(error, this.#operation, "Can't read", printable(file.path)),
      writing: (error) => hostError(error, this.#operation, "Can't write", shownTo()),
    };
  }
}

function write<Result>(sides: Sides, call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    throw sides.writing(error);
  }
}

function openOrNothing(path: Buffer): number | undefined {
  try {
    return fs.openSync(path, READ_ONLY_FILE);
  } catch {
    return undefined;
  }
}
