import type { StreamName } from "../../engine.js";
import type { Redactor } from "../../redaction/redactor.js";
import type { OutputChunk } from "../../service.js";
import { LiveOutput } from "../live-output.js";
import { OutputLog } from "./output-log.js";

const DEFAULT_OUTPUT_BYTES = 10 * 1024 * 1024;
/** Of what a service printed last, in the message of an error. */
const LAST_CHARACTERS = 2000;

interface Callbacks {
  readonly onStdout: ((text: string) => void) | undefined;
  readonly onStderr: ((text: string) => void) | undefined;
}

/** What a service prints: redacted, kept up to a limit, and handed on. */
export class ServiceOutput {
  readonly #log: OutputLog;
  readonly #live: LiveOutput;
  #redactor: Redactor;
  #last = "";

  /** `failed` gets what a callback threw. */
  constructor(
    redactor: Redactor,
    limitBytes: number | undefined,
    { onStdout, onStderr }: Callbacks,
    failed: (error: unknown) => void,
  ) {
    this.#redactor = redactor;
    this.#log = new OutputLog(limitBytes ?? DEFAULT_OUTPUT_BYTES);
    const take = (stream: StreamName, callback: ((text: string) => void) | undefined) => (text: string) => {
      this.#log.push({ stream, text });
      this.#last = (this.#last + text).slice(-LAST_CHARACTERS);
      return callback?.(text);
    };
    const callbacks = { stdout: take("stdout", onStdout), stderr: take("stderr", onStderr) };
    this.#live = new LiveOutput(callbacks, "utf8", redactor, failed);
  }

  push(stream: StreamName, bytes: Uint8Array): void {
    this.#live.push(stream, bytes);
  }

  /** A secret that another command of the sandbox has been given may reach a service, too. */
  learn(redactor: Redactor): void {
    const known = this.#redactor;
    this.#redactor = known.with(redactor.values);
    if (this.#redactor !== known) this.#live.learn(this.#redactor);
  }

  async end(cut: boolean): Promise<void> {
    await this.#live.end(cut);
    this.#log.end();
  }

  read(): AsyncGenerator<OutputChunk, void, undefined> {
    return this.#log.read();
  }

  /** The last of both streams together, for people. */
  get last(): string {
    return this.#last.trim();
  }
}
