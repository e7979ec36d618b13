import { once } from "node:events";
import { type CallToolResult, Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { forkbox, startCli } from "./cli.js";

/** The revisions that a client can speak: the newest, and those with a handshake. */
export const eras = ["modern", "legacy"] as const;
export type Era = (typeof eras)[number];

type Facts = Record<string, unknown>;

/** The official client, and short ways to what tests look at. */
export interface Connected {
  client: Client;
  /** The facts of an answer that is no error. */
  call(name: string, args?: Facts): Promise<Facts>;
  /** The error of one that is. */
  refused(name: string, args?: Facts): Promise<{ code: string; message: string; next: string; text: string }>;
  raw(name: string, args?: Facts): Promise<CallToolResult>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Stdio extends Connected {
  pid: number;
  stderr(): string;
}

function newClient(era: Era): Client {
  const info = { name: "forkbox-test", version: "1" };
  return new Client(info, era === "modern" ? { versionNegotiation: { mode: "auto" } } : {});
}

export function waysOf(client: Client): Connected {
  const raw = async (name: string, args: Facts = {}) =>
    (await client.callTool({ name, arguments: args })) as CallToolResult;
  return {
    client,
    raw,
    async call(name, args) {
      const result = await raw(name, args);
      if (result.isError) throw new Error(`${name}: ${JSON.stringify(result.content)}`);
      return result.structuredContent as Facts;
    },
    async refused(name, args) {
      const result = await raw(name, args);
      if (!result.isError) throw new Error(`${name} was not refused: ${JSON.stringify(result)}`);
      const { error } = result.structuredContent as {
        error: { code: string; message: string; next: string };
      };
      const [first] = result.content;
      return { ...error, text: first?.type === "text" ? first.text : "" };
    },
    close: () => client.close(),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** Starts `forkbox mcp` and connects to its stdin and stdout; closing it ends both. */
export async function connectStdio(
  flags: readonly string[] = [],
  { era = "modern", env = {} }: { era?: Era; env?: Record<string, string> } = {},
): Promise<Stdio> {
  const [command, ...first] = forkbox;
  const inherited = Object.fromEntries(Object.entries(process.env).filter((entry) => entry[1] !== undefined));
  const transport = new StdioClientTransport({
    command,
    args: [...first, "mcp", ...flags],
    env: { ...(inherited as Record<string, string>), ...env },
    stderr: "pipe",
  });
  let printed = "";
  transport.stderr?.on("data", (text: Buffer) => {
    printed += text;
  });
  const client = newClient(era);
  await client.connect(transport);
  return { ...waysOf(client), pid: transport.pid ?? 0, stderr: () => printed };
}

/** A server over HTTP. */
export interface Served {
  url: string;
  token: string;
  /** Ends it, and says how it ended. */
  stop(): Promise<number | null>;
  [Symbol.asyncDispose](): Promise<void>;
  connect(options?: { era?: Era; token?: string; url?: string }): Promise<Connected>;
}

/** Starts `forkbox mcp --http` on a free port. */
export async function serveHttp(
  flags: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Served> {
  const child = startCli(["mcp", "--http", "0", ...flags], { env });
  const closed = once(child, "close") as Promise<[number | null]>;
  const stop = async () => {
    child.kill("SIGTERM");
    const [code] = await closed;
    return code;
  };
  let printed = "";
  const given = flags.includes("--token");
  await new Promise<void>((resolve, reject) => {
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      if (given ? /serving MCP at \S+\n/.test(printed) : /bearer token \S+\n/.test(printed)) resolve();
    });
    child.once("close", () => reject(new Error(`it ended: ${printed}`)));
  });
  const url = /serving MCP at (\S+)/.exec(printed)?.[1] ?? "";
  const token = /bearer token (\S+)/.exec(printed)?.[1] ?? "";
  return {
    url,
    token,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
    async connect({ era = "modern", token: other = token, url: at = url } = {}) {
      const client = newClient(era);
      const headers = { Authorization: `Bearer ${other}` };
      await client.connect(new StreamableHTTPClientTransport(new URL(at), { requestInit: { headers } }));
      return waysOf(client);
    },
  };
}
