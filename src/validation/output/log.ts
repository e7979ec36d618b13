import { closeSync, constants, mkdirSync, openSync, unlinkSync, writeSync } from "node:fs";
import { systemCode } from "../../files/errors.js";
import { makeMissing } from "../../make-missing.js";
import { Beneath } from "../../programs/beneath.mjs";
import type { Line } from "./lines.js";

/** The name of a step's output in its directory. No artifact may have it. */
export const LOG_NAME = "output.log";

const MOST_BYTES = 16 * 1024 * 1024;
/** Kept of what comes after that: the end says most. */
const MOST_OF_END = 1024 * 1024;

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

export interface LogPlace {
  /** Its path is the operator's. */
  directory: string;
  /** Below it: a link with one of these names, which a project may have brought, is not followed. */
  parts: readonly string[];
}

/**
 * The whole output of a step as a file, written as it comes, up to a bound that is said at its end. There is none
 * where nothing was printed. What goes wrong with it is told once, and fails nothing.
 */
export class Log {
  readonly #place: LogPlace;
  readonly #redact: (text: string) => string;
  readonly #failed: (error: unknown) => void;
  #fd: number | undefined;
  #broken = false;
  #waiting = "";
  #written = 0;
  #end = "";
  #dropped = 0;

  constructor(place: LogPlace, redact: (text: string) => string, failed: (error: unknown) => void) {
    this.#place = place;
    this.#redact = redact;
    this.#failed = failed;
  }

  /** Its path once there is something in it. */
  get path(): string | undefined {
    const { directory, parts } = this.#place;
    return this.#written === 0 ? undefined : [directory, ...parts, LOG_NAME].join("/");
  }

  push({ text, last }: Line): void {
    this.#waiting += last ? `${text}\n` : text;
  }

  /** Writes what was pushed. Together, since a secret may have more than one line. */
  write(): void {
    if (this.#waiting === "" || this.#broken) return;
    const text = this.#redact(this.#waiting);
    this.#waiting = "";
    const bytes = Buffer.byteLength(text);
    if (this.#written + bytes <= MOST_BYTES && this.#dropped === 0) {
      this.#put(text);
      return;
    }
    this.#dropped += bytes;
    this.#end += text;
    if (this.#end.length > 2 * MOST_OF_END) this.#end = this.#end.slice(-MOST_OF_END);
  }

  close(): void {
    this.write();
    if (this.#dropped > 0) {
      const end = this.#end.slice(-MOST_OF_END).replace(/^[^\n]*\n/, "");
      const left = this.#dropped - Buffer.byteLength(end);
      const most = `this log has the first ${MOST_BYTES / 1024 / 1024} MiB of an output, and the end of it`;
      this.#put(
        `\n[forkbox: ${left} bytes are left out here]\n${end}\n[forkbox: ${most}; ${left} bytes between them are left out]\n`,
      );
    }
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#broken = true;
  }

  #put(text: string): void {
    try {
      this.#fd ??= openLog(this.#place);
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
      this.#written += bytes.length;
    } catch (error) {
      this.#broken = true;
      this.#failed(error);
    }
  }
}

/** By descriptors, and always a new file: an earlier run's is taken away, whatever it is. */
function openLog({ directory, parts }: LogPlace): number {
  makeMissing(directory);
  const tree = new Beneath(directory);
  try {
    let at = "";
    for (const part of parts) {
      at += at === "" ? part : `/${part}`;
      orThere(() => mkdirSync(tree.place(at)));
    }
    const file = at === "" ? LOG_NAME : `${at}/${LOG_NAME}`;
    const open = () => openSync(tree.place(file), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o666);
    try {
      return open();
    } catch (error) {
      if (systemCode(error) !== "EEXIST") throw error;
      unlinkSync(tree.place(file));
      return open();
    }
  } finally {
    tree.close();
  }
}

/** A link there is no directory: what is opened below it fails. */
function orThere(make: () => void): void {
  try {
    make();
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
  }
}
