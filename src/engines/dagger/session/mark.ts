import { randomBytes } from "node:crypto";
import { performance } from "../../../timers.js";
import { readAnswer } from "./answer.js";
import type { Connection } from "./connection.js";
import { isOwnLack } from "./errors.js";
import { call, chain, follow, type Step } from "./graphql.js";
import type { Dialect } from "./version.js";

/** An engine that ended is not back within this. */
const SURE_MS = 100;
/** A question that is not answered by then is asked again: an engine that hung may have lost it. */
const SHARED_MS = 1000;

/**
 * Tells the engine of a session from one that was started after it. A session's process goes on with whatever
 * answers at its endpoint, and an engine that doesn't have what an ID stands for makes it again, without a
 * word and with another content. What a secret is exists only in the memory of the engine that was told.
 */
export class Mark {
  readonly #connection: Connection;
  readonly #query: string;
  readonly #steps: readonly Step[];
  readonly #value: string;
  /** When the engine was last known to be the one. */
  #seen = performance.now();
  #looking: { since: number; answer: Promise<boolean> } | undefined;

  private constructor(connection: Connection, steps: readonly Step[], value: string) {
    this.#connection = connection;
    this.#steps = steps;
    this.#query = `{${chain(steps, "plaintext")}}`;
    this.#value = value;
  }

  static async set(connection: Connection, dialect: Dialect, signal: AbortSignal): Promise<Mark> {
    const [name, plaintext] = [randomBytes(8), randomBytes(16)].map((bytes) => bytes.toString("hex"));
    const set = [call("setSecret", { name: `forkbox-mark-${name}`, plaintext: plaintext as string })];
    const { id } = follow<{ id: string }>(
      readAnswer(await connection.send(`{${chain(set, "id")}}`, signal)),
      set,
    );
    return new Mark(connection, [dialect.secret(id)], plaintext as string);
  }

  /**
   * Whether the engine is the one of this session. Pends while it does not answer; rejects when this process lacks
   * what it takes to ask.
   */
  holds(): Promise<boolean> {
    if (performance.now() - this.#seen < SURE_MS) return Promise.resolve(true);
    return this.look();
  }

  /** An engine that answered was the same all the while: a request does not go on in another one. */
  answered(): void {
    this.#seen = performance.now();
  }

  /** {@link holds}, asked now. All who come at once share the question. */
  look(): Promise<boolean> {
    const since = performance.now();
    if (this.#looking && since - this.#looking.since < SHARED_MS) return this.#looking.answer;
    const looking = { since, answer: this.#look() };
    this.#looking = looking;
    const done = () => {
      if (this.#looking === looking) this.#looking = undefined;
    };
    looking.answer.then(done, done);
    return looking.answer;
  }

  async #look(): Promise<boolean> {
    const asked = performance.now();
    try {
      const data = readAnswer(await this.#connection.send(this.#query));
      if (follow<{ plaintext: string }>(data, this.#steps).plaintext !== this.#value) return false;
    } catch (error) {
      if (isOwnLack(error)) throw error;
      return false;
    }
    this.#seen = asked;
    return true;
  }
}
