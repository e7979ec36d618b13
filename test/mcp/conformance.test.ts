import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { forkbox } from "../support/cli.js";
import { serveHttp } from "../support/mcp.js";
import { hostDirectory } from "../support/scratch.js";

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), "forkbox-conformance-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What they need of Node is newer than what forkbox needs: both come from the registry, and go with this directory. */
const packages = [
  "node@22",
  "@modelcontextprotocol/conformance@0.2.0-alpha.12",
  "@modelcontextprotocol/inspector@2",
];
const installed = install();
const node = join(directory, "node_modules/.bin/node");
const program = (name: string) => join(directory, "node_modules/.bin", name);

function install(): string | undefined {
  // Each runs with the Node beside it, not with the one of this process.
  const flags = [
    "--prefix",
    directory,
    "--engine-strict=false",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  ];
  const args = ["install", ...flags, ...packages];
  const { status, stderr, error } = spawnSync("npm", args, {
    encoding: "utf8",
    cwd: directory,
    timeout: 240_000,
  });
  return status === 0 ? undefined : (error?.message ?? stderr);
}

interface Check {
  id: string;
  status: string;
  errorMessage?: string;
}

/** The suite has no token to send: what stands between adds it, and leaves Host and Origin as they are. */
async function withToken(url: string, token: string) {
  const target = new URL(url);
  const proxy = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, authorization: `Bearer ${token}` };
    const { hostname, port } = target;
    const forwarded = request(
      { hostname, port, path: incoming.url, method: incoming.method, headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forwarded.on("error", () => outgoing.destroy());
    outgoing.on("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  const address = proxy.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return {
    url: `http://localhost:${port}/mcp`,
    close() {
      proxy.close();
      proxy.closeAllConnections();
    },
  };
}

const scenarios = [
  ["server-stateless"],
  ["tools-list"],
  ["tools-list", "2025-11-25"],
  ["server-initialize"],
  ["ping"],
  ["resources-list"],
  ["sep-2164-resource-not-found"],
  ["dns-rebinding-protection"],
  ["dns-rebinding-protection", "2025-11-25"],
  ["http-header-validation"],
  ["input-required-result-unsupported-methods"],
  ["input-required-result-ignore-extra-params"],
] as const;

describe("what others say a server has to do", () => {
  if (installed !== undefined) {
    test("the conformance suite and the Inspector can be installed", (context) => {
      console.warn(
        `\nNOT RUN: the MCP conformance suite and the Inspector can't be installed: ${installed}\n`,
      );
      context.skip(installed);
    });
    return;
  }

  test("the scenarios of the conformance suite that need no fixtures fail nowhere", {
    timeout: 180_000,
  }, async () => {
    await using served = await serveHttp();
    const proxy = await withToken(served.url, served.token);
    try {
      for (const [scenario, version] of scenarios) {
        const output = await hostDirectory();
        const args = ["server", "--url", proxy.url, "--scenario", scenario, "--output-dir", output];
        if (version !== undefined) args.push("--spec-version", version);
        await run(node, [program("conformance"), ...args]).catch(() => undefined);
        const checks = await checksIn(output);
        expect(checks.filter(({ status }) => status === "SUCCESS").length, scenario).toBeGreaterThan(0);
        // What it can look at only with the help of a tool of its own is no failure of this server.
        const failed = checks.filter(
          ({ status, errorMessage = "" }) =>
            status === "FAILURE" &&
            !/^Not testable: server does not list the diagnostic tool/.test(errorMessage),
        );
        expect(failed, `${scenario} ${version ?? ""}`).toEqual([]);
      }
    } finally {
      proxy.close();
    }
  });

  test("the Inspector's command line makes single calls", { timeout: 120_000 }, async () => {
    const inspect = async (...args: string[]) => {
      const config = join(await hostDirectory(), "mcp.json");
      const [command, ...first] = forkbox;
      const server = { type: "stdio", command, args: [...first, "mcp"] };
      await writeFile(config, JSON.stringify({ mcpServers: { forkbox: server } }));
      const { stdout } = await run(node, [
        program("mcp-inspector"),
        ...["--cli", "--config", config, "--server", "forkbox", ...args],
      ]);
      return JSON.parse(stdout) as Record<string, unknown>;
    };
    const { tools } = await inspect("--method", "tools/list");
    expect(tools).toHaveLength(15);
    expect(tools).toMatchObject({ 0: { name: "create_sandbox" }, 14: { name: "validate" } });
    const called = await inspect("--method", "tools/call", "--tool-name", "list_sandboxes");
    expect(called).toMatchObject({ structuredContent: { sandboxes: [], runs: [] } });
  });
});

async function checksIn(output: string): Promise<Check[]> {
  const files = await readdir(output, { recursive: true });
  const found = files.filter((file) => file.endsWith("checks.json"));
  expect(found).toHaveLength(1);
  return JSON.parse(await readFile(join(output, String(found[0])), "utf8")) as Check[];
}
