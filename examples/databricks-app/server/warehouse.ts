import { setTimeout as sleep } from "node:timers/promises";
import type { Cell, QueryResult } from "../shared/api.ts";
import type { Config } from "./config.ts";
import { type Chunk, parseCell, type Statement } from "./statement.ts";

/** The value of one `:name` marker. Values travel beside the statement, never inside its text. */
export interface Parameter {
  name: string;
  value: string;
  type: "STRING" | "INT" | "DOUBLE" | "BOOLEAN" | "DATE" | "TIMESTAMP";
}

/** A query that ended without rows, and whose fault that was. */
export class WarehouseError extends Error {
  override readonly name = "WarehouseError";
  constructor(
    readonly kind: "unreachable" | "unauthorized" | "rejected" | "failed" | "canceled" | "timeout",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface WarehouseOptions {
  /** Milliseconds a statement may take before it is canceled. Default 60,000. */
  timeoutMs?: number;
  /** Milliseconds before the first poll; doubles up to 5,000. Default 250. */
  pollMs?: number;
}

/** A SQL warehouse, spoken to through the Databricks SQL Statement Execution API. */
export class Warehouse {
  readonly #config: Config;
  readonly #timeoutMs: number;
  readonly #pollMs: number;

  constructor(config: Config, { timeoutMs = 60_000, pollMs = 250 }: WarehouseOptions = {}) {
    this.#config = config;
    this.#timeoutMs = timeoutMs;
    this.#pollMs = pollMs;
  }

  /** Runs a statement and gathers all of its rows. Throws {@link WarehouseError}, or the signal's reason. */
  async query(
    statement: string,
    parameters: Parameter[] = [],
    signal?: AbortSignal,
  ): Promise<QueryResult> {
    const deadline = AbortSignal.timeout(this.#timeoutMs);
    const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
    try {
      return await this.#run(statement, parameters, stop);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (!deadline.aborted) throw error;
      throw new WarehouseError(
        "timeout",
        `No result after ${this.#timeoutMs} ms: statement canceled.`,
      );
    }
  }

  async #run(text: string, parameters: Parameter[], signal: AbortSignal): Promise<QueryResult> {
    let statement = await this.#request<Statement>(signal, "POST", "", {
      warehouse_id: this.#config.warehouseId,
      statement: text,
      parameters,
      wait_timeout: "10s",
      on_wait_timeout: "CONTINUE",
      disposition: "INLINE",
      format: "JSON_ARRAY",
    });
    const path = `/${encodeURIComponent(statement.statement_id)}`;
    try {
      for (let wait = this.#pollMs; isUnfinished(statement); wait = Math.min(wait * 2, 5_000)) {
        await sleep(wait, undefined, { signal });
        statement = await this.#request<Statement>(signal, "GET", path);
      }
      return await this.#collect(path, statement, signal);
    } catch (error) {
      // It would go on and cost money with nobody waiting for it.
      if (signal.aborted) await this.#cancel(path);
      throw error;
    }
  }

  async #collect(path: string, statement: Statement, signal: AbortSignal): Promise<QueryResult> {
    const { status, manifest } = statement;
    if (status.state !== "SUCCEEDED" || !manifest) {
      const kind = status.state === "FAILED" ? "failed" : "canceled";
      throw new WarehouseError(
        kind,
        status.error?.message ?? `The statement ended as ${status.state}.`,
      );
    }
    const columns = manifest.schema.columns.map(({ name, type_name: type }) => ({ name, type }));
    const rows: Cell[][] = [];
    let chunk: Chunk | undefined = statement.result;
    while (chunk) {
      for (const row of chunk.data_array ?? []) {
        rows.push(row.map((cell, index) => parseCell(cell, columns[index]?.type ?? "STRING")));
      }
      const next: number | undefined = chunk.next_chunk_index;
      chunk =
        next === undefined
          ? undefined
          : await this.#request<Chunk>(signal, "GET", `${path}/result/chunks/${next}`);
    }
    return { columns, rows, truncated: manifest.truncated ?? false };
  }

  /** Best effort: whoever asked already has an error to report. */
  async #cancel(path: string): Promise<void> {
    await this.#request(AbortSignal.timeout(2_000), "POST", `${path}/cancel`).catch(() => {});
  }

  async #request<Answer>(
    signal: AbortSignal,
    method: string,
    path: string,
    body?: object,
  ): Promise<Answer> {
    const url = new URL(`/api/2.0/sql/statements${path}`, this.#config.host);
    const headers = {
      authorization: `Bearer ${this.#config.token}`,
      ...(body && { "content-type": "application/json" }),
    };
    let response: Response;
    let answer: unknown;
    try {
      // Redirects are errors: following one could carry the statement to another host.
      const init: RequestInit = { method, headers, signal, redirect: "error" };
      response = await fetch(url, body ? { ...init, body: JSON.stringify(body) } : init);
      answer = await response.json();
    } catch (cause) {
      if (signal.aborted) throw cause;
      throw new WarehouseError("unreachable", `No usable answer from ${url.host}.`, { cause });
    }
    if (response.ok) return answer as Answer;

    const message = (answer as { message?: string }).message ?? `HTTP ${response.status}`;
    if (response.status === 401 || response.status === 403) {
      throw new WarehouseError("unauthorized", `The warehouse refused the token: ${message}`);
    }
    throw new WarehouseError("rejected", `The warehouse refused the statement: ${message}`);
  }
}

function isUnfinished({ status }: Statement): boolean {
  return status.state === "PENDING" || status.state === "RUNNING";
}
