import { Agent, request } from "node:http";

/** What a `dagger session` says of itself. */
export interface Address {
  port: number;
  token: string;
}

export interface Answer {
  status: number;
  body: string;
}

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
   * There is no time limit: a command may run for hours.
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
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.once("error", reject);
          response.once("end", () =>
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
          );
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
