import { randomBytes } from "node:crypto";
import { Command, InvalidArgumentError } from "commander";
import type { McpOptions } from "../../mcp/options.js";
import { EXIT, UsageError } from "../failure.js";
import type { Finish } from "../finish.js";
import { interruptible } from "../interrupt.js";
import {
  addSandboxOptions,
  closeEngine,
  milliseconds,
  positiveInteger,
  readSandboxFlags,
  type SandboxFlags,
} from "../sandbox-flags.js";

interface Address {
  host: string;
  port: number;
}

interface McpFlags extends SandboxFlags {
  root?: string[];
  readOnly?: string[];
  timeout?: number;
  maxSandboxes?: number;
  http?: Address;
  token?: string[];
  allowHost?: string[];
  idle?: number;
}

const DEFAULT_TIMEOUT_MS = 600_000;
const DEFAULT_SANDBOXES = 32;
const DEFAULT_IDLE_MS = 30 * 60_000;
const SHORTEST_TOKEN = 16;

export function mcpCommand(finish: Finish): Command {
  const list = (value: string, before: string[] = []) => [...before, value];
  const command = new Command("mcp")
    .summary("serve sandboxes to agents, by the Model Context Protocol")
    .description("Serve sandboxes to agents by the Model Context Protocol, on stdin and stdout or over HTTP.")
    .optionsGroup("Host and time:")
    .option(
      "--root <dir>",
      "a host directory that tools may read and write (repeatable; default: none)",
      list,
    )
    .option(
      "--read-only <glob>",
      "sandbox paths that tools can't write, and commands not unnoticed (repeatable)",
      list,
    )
    .option("--timeout <time>", "deadline of commands and steps that set none (default: 10m)", milliseconds)
    .option(
      "--max-sandboxes <n>",
      `sandboxes of one client at once (default: ${DEFAULT_SANDBOXES})`,
      positiveInteger,
    )
    .optionsGroup("HTTP:")
    .option(
      "--http <[host:]port>",
      "serve over HTTP instead, on loopback unless a host is given",
      parseAddress,
    )
    .option(
      "--token <NAME>",
      "the variable of the caller that holds the bearer token; each is a client of its own (repeatable; default: one is made and printed)",
      list,
    )
    .option(
      "--allow-host <name>",
      "a name that the server may be called by, beside localhost (repeatable)",
      list,
    )
    .option("--idle <time>", "close a sandbox that nobody used for so long (default: 30m)", milliseconds);
  return addSandboxOptions(command)
    .addHelpText("after", HELP)
    .action(async (flags: McpFlags) => finish(await run(flags)));
}

async function run(flags: McpFlags): Promise<number> {
  if (!flags.http && (flags.token ?? flags.allowHost ?? flags.idle) !== undefined)
    throw new UsageError(
      "--token, --allow-host and --idle are about HTTP",
      "Add --http PORT, or leave them out.",
    );
  const tokens = flags.http ? readTokens(flags.token) : [];
  const options: McpOptions = {
    sandbox: await readSandboxFlags(flags),
    roots: flags.root ?? [],
    readOnlyPaths: flags.readOnly ?? [],
    timeoutMs: flags.timeout ?? DEFAULT_TIMEOUT_MS,
    maxSandboxes: flags.maxSandboxes ?? DEFAULT_SANDBOXES,
  };
  const { serveMcpOnStdio, serveMcpOverHttp } = await import("../../mcp/serve.js");
  try {
    return await interruptible(async (signal) => {
      if (!flags.http) {
        await serveMcpOnStdio(options, signal);
        return EXIT.ok;
      }
      const http = {
        ...flags.http,
        allowedHosts: flags.allowHost ?? [],
        tokens,
        idleMs: flags.idle ?? DEFAULT_IDLE_MS,
      };
      const listening = (url: string) => {
        process.stderr.write(`forkbox: serving MCP at ${url}\n`);
        if (!flags.token) process.stderr.write(`forkbox: bearer token ${tokens[0]}\n`);
      };
      await serveMcpOverHttp(options, http, listening, signal);
      return EXIT.ok;
    });
  } finally {
    await closeEngine(options.sandbox.engine);
  }
}

function readTokens(names: readonly string[] | undefined): string[] {
  if (!names) return [randomBytes(32).toString("base64url")];
  return names.map((name) => {
    const token = process.env[name];
    if (token === undefined || !/^[\x21-\x7e]+$/.test(token) || token.length < SHORTEST_TOKEN)
      throw new UsageError(
        `--token ${name}: the environment has no ${name} of at least ${SHORTEST_TOKEN} characters without spaces`,
        `Make one: export ${name}=$(openssl rand -hex 32)`,
      );
    return token;
  });
}

function parseAddress(text: string): Address {
  const [, host, digits] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!(port <= 65_535)) throw new InvalidArgumentError("It is a port, or HOST:PORT.");
  return { host: host?.replace(/^\[(.*)\]$/, "$1") ?? "127.0.0.1", port };
}

const HELP = `
Examples:
  $ forkbox mcp --root .                  for an agent that starts it
  $ forkbox mcp --root ~/apps --read-only package.json --databricks
  $ forkbox mcp --http 8765               one server for several clients
  $ forkbox mcp --http 0.0.0.0:8765 --allow-host sandboxes.example --token TOKEN

Tools can't set or read credentials, networks, engines and limits: flags do.

Exit codes: 0 the client went · 2 wrong usage · 3 no engine · 130 interrupted.`;
