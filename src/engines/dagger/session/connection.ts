import { Agent, request } from "node:http";
import { QueryFailure } from "./errors.js";

/** What a `dagger session` says of itself. */
export interface Address {
  port: number;
  token: string;
}

export interface Answer {
  status: number;
  body: string;
}

/** What a sandbox's own files make an answer is bounded here: one too long for a string would end this process. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/** HTTP to a session: sockets stay open between queries, and as many queries run at once as are sent. */
export class Connection {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #port: number;
  readonly #authorization: string;

  constructor({ port, token }: Address) {
    this.#port = port;
    this.#authorization = `Basic ${Buffer.from(`${token}:`).toString("base64")}`;
  }

  /**
   * Sends one query. Aborting closes its socket: the engine then kills what the query runs.
   * There is no time limit: a command may run for hours. Rejects with QueryFailure for an answer that is too long.
   */
  send(query: string, signal?: AbortSignal, traceparent?: string): Promise<Answer> {
    const body = Buffer.from(JSON.stringify({ query }));
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: "127.0.0.1",
          port: this.#port,
          path: "/query",
          method: "POST",
          agent: this.#agent,
          signal,
          headers: {
            authorization: this.#authorization,
            "content-type": "application/json",
            "content-length": body.length,
            ...(traceparent !== undefined && { traceparent }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on("data", (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
            else
              response.destroy(
                new QueryFailure(`more than ${MAX_ANSWER_BYTES} bytes`, { _type: "TOO_LONG" }),
              );
          });
          response.once("error", reject);
          response.once("end", () => {
            try {
              resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
            } catch (error) {
              reject(error);
            }
          });
        },
      );
      sent.once("error", reject);
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
