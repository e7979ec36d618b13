import { SandboxError } from "../../errors.js";
import { type Answer, Connection } from "./connection.js";
import { aborted, engineLost, QueryFailure, saysGone } from "./errors.js";
import { chain, follow, type Step } from "./graphql.js";
import { type SessionProcess, startProcess } from "./process.js";
import { Telemetry } from "./telemetry.js";
import { type Dialect, dialectOf } from "./version.js";

/** An engine that is named answers in well under a second; in Docker it may have to be fetched first. */
const NAMED_START_MS = 8000;
const DOCKER_START_MS = 300_000;

export interface QueryOptions {
  operation: string;
  signal?: AbortSignal | undefined;
  traceparent?: string | undefined;
}

/** One client session of one engine. It is over when its process, or the engine behind it, ends. */
export class Session {
  readonly endpoint: string;
  readonly dialect: Dialect;
  /** Undefined in a session that is not ours: it exports where its owner says. */
  readonly telemetry: Telemetry | undefined;
  readonly #connection: Connection;
  readonly #process: SessionProcess | undefined;
  #over = false;
  readonly #onLost = new AbortController();

  private constructor(
    endpoint: string,
    dialect: Dialect,
    connection: Connection,
    telemetry: Telemetry | undefined,
    process: SessionProcess | undefined,
  ) {
    this.endpoint = endpoint;
    this.dialect = dialect;
    this.telemetry = telemetry;
    this.#connection = connection;
    this.#process = process;
    void process?.ended.then(() => this.#lose());
  }

  /** Throws ENGINE_UNAVAILABLE that says what to do, in under 10 s for an engine that was named. */
  static async start(cli: string, endpoint: string | undefined, signal?: AbortSignal): Promise<Session> {
    const inherited = endpoint === undefined ? inheritedAddress() : undefined;
    const name = endpoint ?? (inherited ? `port ${inherited.port}` : "in Docker");
    const telemetry = inherited ? undefined : await Telemetry.start();
    let process: SessionProcess | undefined;
    let connection: Connection | undefined;
    try {
      const timeoutMs = endpoint === undefined ? DOCKER_START_MS : NAMED_START_MS;
      if (telemetry) {
        process = await startProcess({
          cli,
          endpoint,
          environment: telemetry.environment,
          timeoutMs,
          signal,
        });
      }
      const address = inherited ?? process?.address;
      if (!address) throw new Error("unreachable");
      connection = new Connection(address);
      const version = await askVersion(connection, name, signal);
      return new Session(name, dialectOf(version, name), connection, telemetry, process);
    } catch (error) {
      telemetry?.close();
      connection?.close();
      await process?.end();
      throw signal?.aborted ? aborted("create", signal) : error;
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
  async query(text: string, { operation, signal, traceparent }: QueryOptions): Promise<unknown> {
    if (this.#over) throw engineLost(operation, this.endpoint);
    if (signal?.aborted) throw aborted(operation, signal);
    const either = AbortSignal.any([this.#onLost.signal, ...(signal ? [signal] : [])]);
    let answer: Answer;
    try {
      answer = await this.#connection.send(text, either, traceparent);
    } catch (error) {
      if (signal?.aborted) throw aborted(operation, signal);
      this.#lose();
      throw engineLost(operation, this.endpoint, error);
    }
    try {
      return readAnswer(answer);
    } catch (error) {
      if (!(error instanceof QueryFailure) || !saysGone(error)) throw error;
      this.#lose();
      throw engineLost(operation, this.endpoint, error);
    }
  }

  async close(): Promise<void> {
    this.#lose();
    await this.#process?.end();
  }

  #lose(): void {
    if (this.#over) return;
    this.#over = true;
    this.#onLost.abort();
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

async function askVersion(connection: Connection, endpoint: string, signal?: AbortSignal): Promise<string> {
  const timeout = AbortSignal.timeout(NAMED_START_MS);
  try {
    const either = AbortSignal.any([timeout, ...(signal ? [signal] : [])]);
    return (readAnswer(await connection.send("{version}", either)) as { version: string }).version;
  } catch (cause) {
    const why = timeout.aborted ? `no answer within ${NAMED_START_MS / 1000} s` : (cause as Error).message;
    const message = `create: the Dagger engine (${endpoint}) can't be used: ${why}. Start it anew, or name another with dagger({ engines }).`;
    throw new SandboxError("ENGINE_UNAVAILABLE", message, { operation: "create", cause });
  }
}

interface GraphqlAnswer {
  data?: unknown;
  errors?: readonly { message: string; extensions?: Record<string, unknown> }[];
}

function readAnswer({ status, body }: Answer): unknown {
  let answer: GraphqlAnswer;
  try {
    answer = JSON.parse(body) as GraphqlAnswer;
  } catch {
    throw new QueryFailure(`HTTP ${status}, ${JSON.stringify(body.slice(0, 300))}`);
  }
  const [first, ...rest] = answer?.errors ?? [];
  if (first) {
    const more = rest.length > 0 ? ` (and ${rest.length} more)` : "";
    throw new QueryFailure(`${first.message}${more}`, first.extensions);
  }
  if (status !== 200 || typeof answer?.data !== "object" || answer.data === null) {
    throw new QueryFailure(`HTTP ${status}, ${JSON.stringify(body.slice(0, 300))}`);
  }
  return answer.data;
}
