import { SandboxError } from "../../../errors.js";
import { clearTimeout, performance, setTimeout, sleep } from "../../../timers.js";
import { readAnswer } from "./answer.js";
import { Connection } from "./connection.js";
import { aborted, engineLost, explains, isOwnLack, lacking, QueryFailure, saysEnding } from "./errors.js";
import { chain, follow, type Step } from "./graphql.js";
import { Mark } from "./mark.js";
import { type SessionProcess, startProcess } from "./process.js";
import { Telemetry } from "./telemetry.js";
import { untilAborted, type Waiter } from "./until-aborted.js";
import { type Dialect, dialectOf } from "./version.js";
import { Watchdog } from "./watchdog.js";

/** An engine that is named answers in well under a second; in Docker it may have to be fetched first. */
const NAMED_START_MS = 8000;
const DOCKER_START_MS = 300_000;
/** An engine that is being ended says all kinds of things, and is gone soon after. */
const GOING_MS = 500;
/** When it says so itself it may take this long. */
const ENDING_MS = 3000;
/** One that says nothing for this long may only have much to do. */
const SILENT_MS = 5000;

export interface QueryOptions {
  operation: string;
  signal?: AbortSignal | undefined;
  traceparent?: string | undefined;
}

interface SessionParts {
  endpoint: string;
  dialect: Dialect;
  mark: Mark;
  connection: Connection;
  telemetry: Telemetry | undefined;
  process: SessionProcess | undefined;
}

/** One client session of one engine. It is over when its process, or the engine behind it, ends. */
export class Session {
  readonly endpoint: string;
  readonly dialect: Dialect;
  /** Undefined in a session that is not ours: it exports where its owner says. */
  readonly telemetry: Telemetry | undefined;
  readonly #mark: Mark;
  readonly #connection: Connection;
  readonly #process: SessionProcess | undefined;
  readonly #watchdog = new Watchdog(
    () => this.#mark.look(),
    () => this.#lose(),
  );
  #over = false;

  private constructor({ endpoint, dialect, mark, connection, telemetry, process }: SessionParts) {
    this.endpoint = endpoint;
    this.dialect = dialect;
    this.telemetry = telemetry;
    this.#mark = mark;
    this.#connection = connection;
    this.#process = process;
    void process?.ended.then(() => this.#lose());
  }

  /** Throws ENGINE_UNAVAILABLE that says what to do, in under 10 s for an engine that was named. */
  static async start(cli: string, endpoint: string | undefined, signal?: AbortSignal): Promise<Session> {
    const inherited = endpoint === undefined ? inheritedAddress() : undefined;
    const name = endpoint ?? (inherited ? `port ${inherited.port}` : "in Docker");
    const telemetry = inherited ? undefined : await Telemetry.start();
    const late = new AbortController();
    const timeoutMs = endpoint === undefined && !inherited ? DOCKER_START_MS : NAMED_START_MS;
    const timer = setTimeout(() => late.abort(noAnswer(timeoutMs)), timeoutMs);
    const either = signal ? AbortSignal.any([late.signal, signal]) : late.signal;
    let process: SessionProcess | undefined;
    let connection: Connection | undefined;
    try {
      if (telemetry) {
        process = await startProcess({ cli, endpoint, environment: telemetry.environment, signal: either });
      }
      const address = inherited ?? process?.address;
      if (!address) throw new Error("unreachable");
      connection = new Connection(address);
      const { dialect, mark } = await meet(connection, name, either);
      return new Session({ endpoint: name, dialect, mark, connection, telemetry, process });
    } catch (error) {
      telemetry?.close();
      connection?.close();
      await process?.end();
      throw signal?.aborted ? aborted("create", signal) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  get over(): boolean {
    return this.#over;
  }

  /** Sends one query and gives what the end of the chain gave. */
  async run<T>(steps: readonly Step[], fields: string, options: QueryOptions): Promise<T> {
    return follow<T>(await this.query(`{${chain(steps, fields)}}`, options), steps);
  }

  /** Throws QueryFailure when the engine answers with errors, ENGINE_LOST when it does not answer any more. */
  query(text: string, options: QueryOptions): Promise<unknown> {
    return this.#watchdog.watch(this.#query(text, options));
  }

  async #query(text: string, { operation, signal, traceparent }: QueryOptions): Promise<unknown> {
    await this.requireEngine(operation, signal);
    try {
      const data = readAnswer(await this.#connection.send(text, signal, traceparent));
      this.#mark.answered();
      return data;
    } catch (error) {
      if (error instanceof QueryFailure) {
        if (!explains(error)) await this.#requireAlive(operation, error);
        throw error;
      }
      if (signal?.aborted) throw aborted(operation, signal);
      throw isOwnLack(error) ? lacking(operation, error) : this.#lost(operation, error);
    }
  }

  /** Throws ENGINE_LOST when what the session's IDs stand for is gone. */
  async requireEngine(operation: string, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw aborted(operation, signal);
    const holds = this.#over || (await this.#asked(this.#mark.holds(), { operation, signal }));
    if (!holds) this.#lose();
    if (this.#over) throw engineLost(operation, this.endpoint);
  }

  /** Whether the session can take more work. Throws ENGINE_UNAVAILABLE when its engine does not answer. */
  async isWell(signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#over) return false;
    const late = sleep(NAMED_START_MS, undefined, { ref: false });
    const holds = await this.#asked(Promise.race([this.#mark.look(), late]), {
      operation: "create",
      signal,
    });
    if (holds === undefined) throw unusable(this.endpoint, noAnswer(NAMED_START_MS));
    if (!holds) this.#lose();
    return holds;
  }

  /** Whether the engine answers anything at all, soon enough. */
  answers(withinMs: number): Promise<boolean> {
    return Promise.race([this.#mightHold(), sleep(withinMs, false, { ref: false })]);
  }

  async close(): Promise<void> {
    this.#lose();
    await this.#process?.end();
  }

  /** True too where it can't be asked. */
  #mightHold(): Promise<boolean> {
    return this.#mark.look().catch(() => true);
  }

  async #asked<T>(asking: Promise<T>, waiter: Waiter): Promise<T> {
    try {
      return await untilAborted(asking, waiter);
    } catch (error) {
      throw isOwnLack(error) ? lacking(waiter.operation, error) : error;
    }
  }

  /** A failure may be the first sign of an engine's end. Only the mark says so: its words may be a sandbox's. */
  async #requireAlive(operation: string, failure: QueryFailure): Promise<void> {
    const until = performance.now() + (saysEnding(failure) ? ENDING_MS : GOING_MS);
    for (let last = false; ; last = performance.now() >= until) {
      const silent = sleep(SILENT_MS, true, { ref: false });
      if (!(await Promise.race([this.#mightHold(), silent]))) throw this.#lost(operation, failure);
      if (last) return;
      await sleep(GOING_MS);
    }
  }

  #lost(operation: string, cause?: unknown): SandboxError {
    this.#lose();
    return engineLost(operation, this.endpoint, cause);
  }

  #lose(): void {
    if (this.#over) return;
    this.#over = true;
    // Whoever waits for an answer learns it by this.
    this.#connection.close();
    this.telemetry?.close();
    void this.#process?.end();
  }
}

/** Inside `dagger run` a session is there already. */
function inheritedAddress(): { port: number; token: string } | undefined {
  const { DAGGER_SESSION_PORT: port, DAGGER_SESSION_TOKEN: token } = process.env;
  return port && token ? { port: Number(port), token } : undefined;
}

async function meet(
  connection: Connection,
  endpoint: string,
  signal: AbortSignal,
): Promise<{ dialect: Dialect; mark: Mark }> {
  try {
    const { version } = readAnswer(await connection.send("{version}", signal)) as { version?: unknown };
    if (typeof version !== "string") throw new Error("it says no version");
    const dialect = dialectOf(version, endpoint);
    return { dialect, mark: await Mark.set(connection, dialect, signal) };
  } catch (error) {
    if (error instanceof SandboxError) throw error;
    throw unusable(endpoint, signal.aborted ? signal.reason : (error as Error));
  }
}

function unusable(endpoint: string, cause: { message?: string }): SandboxError {
  const message = `create: the Dagger engine (${endpoint}) can't be used: ${cause.message}. Start it anew, or name another with dagger({ engines }).`;
  return new SandboxError("ENGINE_UNAVAILABLE", message, { operation: "create", cause });
}

function noAnswer(timeoutMs: number): Error {
  return new Error(`it did not answer within ${timeoutMs / 1000} s`);
}
