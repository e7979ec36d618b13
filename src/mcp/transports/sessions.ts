import { randomUUID } from "node:crypto";
import {
  type AuthInfo,
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { performance } from "../../timers.js";

const MOST_PER_CLIENT = 64;

interface Session {
  client: string;
  server: McpServer;
  transport: WebStandardStreamableHTTPServerTransport;
  usedAt: number;
}

/**
 * Clients of the revisions that begin with a handshake have a session each: what cancels a request of theirs comes in
 * a request of its own, and has to find the first. They are small, and the sandboxes are not theirs: the ones used last
 * stay. Nobody else can use a session, whoever knows its id.
 */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #makeServer: (auth: AuthInfo) => McpServer;

  constructor(makeServer: (auth: AuthInfo) => McpServer) {
    this.#makeServer = makeServer;
  }

  /** For a request that names a session. */
  async serve(id: string, request: Request, parsedBody: unknown, auth: AuthInfo): Promise<Response> {
    const session = this.#sessions.get(id);
    if (session?.client !== auth.clientId) {
      const error = { code: -32001, message: "There is no such session. Initialize another one." };
      return Response.json({ jsonrpc: "2.0", id: null, error }, { status: 404 });
    }
    session.usedAt = performance.now();
    return session.transport.handleRequest(request, { parsedBody, authInfo: auth });
  }

  /** For a request that asks for one. */
  async open(request: Request, parsedBody: unknown, auth: AuthInfo): Promise<Response> {
    const server = this.#makeServer(auth);
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => {
        this.#sessions.set(id, { client: auth.clientId, server, transport, usedAt: performance.now() });
        server.server.onclose = () => this.#sessions.delete(id);
        void this.#closeOldest(auth.clientId);
      },
    });
    await server.connect(transport);
    const response = await transport.handleRequest(request, { parsedBody, authInfo: auth });
    if (transport.sessionId === undefined) await server.close();
    return response;
  }

  async end(): Promise<void> {
    await this.#close([...this.#sessions]);
  }

  async #closeOldest(client: string): Promise<void> {
    const own = [...this.#sessions].filter(([, session]) => session.client === client);
    own.sort(([, a], [, b]) => a.usedAt - b.usedAt);
    await this.#close(own.slice(0, Math.max(0, own.length - MOST_PER_CLIENT)));
  }

  async #close(sessions: readonly [string, Session][]): Promise<void> {
    for (const [id] of sessions) this.#sessions.delete(id);
    await Promise.allSettled(sessions.map(([, { server }]) => server.close()));
  }
}
