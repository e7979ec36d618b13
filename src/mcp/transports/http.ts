import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type NodeIncomingMessageLike, toNodeHandler } from "@modelcontextprotocol/node";
import {
  type AuthInfo,
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  type McpHandlerRequestOptions,
  validateHostHeader,
  validateOriginHeader,
} from "@modelcontextprotocol/server";
import { clearInterval, setInterval } from "../../timers.js";
import { Client } from "../client.js";
import type { HttpOptions } from "../options.js";
import { makeServer } from "../server.js";
import type { World } from "../world.js";
import { Sessions } from "./sessions.js";

const PATH = "/mcp";
const MOST_REQUEST_BYTES = 8 * 1024 * 1024;
const MOST_CONNECTIONS = 512;
const HEADERS_WITHIN_MS = 10_000;
const REQUEST_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 5000;

/**
 * Serves MCP at /mcp until the signal. Who may ask is decided before anything of a request's body is read: by its Host
 * and Origin (a web page that had its name point here), then by its token. Each token is a client of its own.
 */
export async function serveOverHttp(
  world: World,
  options: HttpOptions,
  listening: (url: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const clients = new Map(
    options.tokens.map((token, index) => [String(index), { token, client: new Client(world.options) }]),
  );
  const serverFor = (auth: AuthInfo | undefined) => {
    const found = clients.get(auth?.clientId ?? "");
    if (!found) throw new Error("a request of nobody");
    return makeServer(world, found.client);
  };
  const sessions = new Sessions(serverFor);
  const handler = createMcpHandler(({ authInfo }) => serverFor(authInfo), {
    maxRequestBodySize: MOST_REQUEST_BYTES,
  });
  const fetch = async (request: Request, { authInfo }: McpHandlerRequestOptions = {}) => {
    if (!authInfo) throw new Error("a request of nobody");
    const body = await jsonOf(request.clone());
    const session = request.headers.get("mcp-session-id");
    if (session !== null) return sessions.serve(session, request, body, authInfo);
    const opens = isInitializeRequest(body) && (await isLegacyRequest(request.clone(), body));
    return opens ? sessions.open(request, body, authInfo) : handler.fetch(request, { authInfo });
  };
  const serve = toNodeHandler({ fetch }, { maxRequestBodySize: MOST_REQUEST_BYTES });
  const guard = guardOf(options);
  const server = createServer((request, response) => {
    const auth = guard(request, response);
    if (auth) void serve(Object.assign(request, { auth }) as NodeIncomingMessageLike, response);
  });
  server.headersTimeout = HEADERS_WITHIN_MS;
  server.requestTimeout = REQUEST_WITHIN_MS;
  server.maxConnections = MOST_CONNECTIONS;
  const expiry = setInterval(
    () => {
      for (const { client } of clients.values()) void client.expire(options.idleMs);
    },
    Math.min(LOOK_EVERY_MS, options.idleMs),
  );
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(options.port, options.host, resolve);
    });
    const { port } = server.address() as AddressInfo;
    const host = options.host.includes(":") ? `[${options.host}]` : options.host;
    listening(`http://${host}:${port}${PATH}`);
    await aborted(signal);
  } finally {
    clearInterval(expiry);
    server.close();
    await Promise.all([handler.close(), sessions.end()]);
    await Promise.all([...clients.values()].map(({ client }) => client.end()));
    server.closeAllConnections();
  }
}

/** Gives who asks; answers what is refused. */
function guardOf({ allowedHosts, tokens }: HttpOptions) {
  const hosts = [...localhostAllowedHostnames(), ...allowedHosts];
  const origins = [...localhostAllowedOrigins(), ...allowedHosts];
  const digests = tokens.map(digest);
  return ({ headers, url }: IncomingMessage, response: ServerResponse): AuthInfo | undefined => {
    const host = validateHostHeader(headers.host, hosts);
    if (!host.ok) return refuse(response, 403, host.message);
    const origin = validateOriginHeader(headers.origin, origins);
    if (!origin.ok) return refuse(response, 403, origin.message);
    if (url?.split("?")[0] !== PATH) return refuse(response, 404, `There is nothing here but ${PATH}`);
    const [, token = ""] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
    const given = digest(token);
    // All of them are compared, each in the same time.
    const index = digests.map((known) => timingSafeEqual(known, given)).indexOf(true);
    if (index !== -1) return { token: "", clientId: String(index), scopes: [] };
    response.setHeader("WWW-Authenticate", "Bearer");
    return refuse(
      response,
      401,
      "The bearer token is missing or wrong: it is what forkbox mcp printed when it started",
    );
  };
}

function refuse(response: ServerResponse, status: number, message: string): undefined {
  response.writeHead(status, { "Content-Type": "application/json", Connection: "close" });
  response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32000, message } }));
}

function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** Undefined for what is none: who answers it says so. */
async function jsonOf(request: Request): Promise<unknown> {
  if (request.method !== "POST") return undefined;
  try {
    return await request.json();
  } catch {
    return undefined;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
