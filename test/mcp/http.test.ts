import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";
import { type Connected, eras, type Served, serveHttp } from "../support/mcp.js";

const engine = await probeLocal();
const tokens = { TOKEN_A: "a-token-of-the-first-client", TOKEN_B: "b-token-of-the-other-client" };
const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "bare", version: "1" } },
};
const usual = { "content-type": "application/json", accept: "application/json, text/event-stream" };

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** As it is: fetch would not send another Host. */
function send(url: string, method: string, headers: Record<string, string>, body = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Says how much is to come, and sends little of it: the answer comes before the rest would. */
function statusOfLarge(url: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: "POST", headers: { ...headers, "content-length": "9000000" } });
    sent.on("response", ({ statusCode }) => {
      resolve(statusCode);
      sent.destroy();
    });
    sent.on("error", reject).write("{");
  });
}

describe("forkbox mcp over HTTP", () => {
  if ("unavailable" in engine) {
    test("the local engine answers", (context) => {
      if (isRequired("local")) expect.fail(engine.unavailable);
      context.skip(engine.unavailable);
    });
    return;
  }

  let served: Served;
  let [a, b]: Connected[] = [];
  const post = (headers: Record<string, string>, body: unknown = initialize, path = "") =>
    send(
      served.url + path,
      "POST",
      { ...usual, ...headers },
      typeof body === "string" ? body : JSON.stringify(body),
    );
  const authorized = { authorization: `Bearer ${tokens.TOKEN_A}` };

  beforeAll(async () => {
    const flags = ["--token", "TOKEN_A", "--token", "TOKEN_B", "--max-sandboxes", "3", "--idle", "5s"];
    served = await serveHttp(flags, tokens);
    a = await served.connect({ token: tokens.TOKEN_A });
    b = await served.connect({ token: tokens.TOKEN_B });
  });

  afterAll(async () => {
    await Promise.all([a?.close(), b?.close()]);
    expect(await served?.stop()).toBe(130);
  });

  test("who has no token, or another, gets nothing, and is told nothing", async () => {
    for (const authorization of [
      "",
      "Bearer",
      "Bearer x",
      `Bearer ${tokens.TOKEN_A}x`,
      `Basic ${tokens.TOKEN_A}`,
      tokens.TOKEN_A,
    ]) {
      const answer = await post(authorization === "" ? {} : { authorization });
      expect(answer, authorization).toMatchObject({ status: 401, headers: { "www-authenticate": "Bearer" } });
      expect(answer.body).not.toContain("token-of");
    }
    expect((await post(authorized)).status).toBe(200);
  });

  test("a web page whose name was made to point here is refused, with the token too", async () => {
    for (const host of [
      "evil.example",
      "evil.example:80",
      "localhost.evil.example",
      "169.254.169.254",
      "0.0.0.0",
    ])
      expect((await post({ ...authorized, host })).status, host).toBe(403);
    for (const origin of ["http://evil.example", "null", "https://localhost.evil.example", "file://"])
      expect((await post({ ...authorized, origin })).status, origin).toBe(403);
    expect((await post({ ...authorized, origin: "http://localhost:3000", host: "localhost" })).status).toBe(
      200,
    );
  });

  test("what is too large, no JSON, no message, elsewhere or of another kind gets a protocol error", async () => {
    expect(await statusOfLarge(served.url, { ...usual, ...authorized })).toBe(413);
    const deep = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    const wrong = ["", "no JSON", "[]", "{}", "null", "3", deep, '{"jsonrpc":"1.0","id":1,"method":"x"}'];
    for (const body of wrong) {
      const { status, body: answer } = await post(authorized, body);
      expect(status, body.slice(0, 40)).toBeGreaterThanOrEqual(400);
      expect(status, body.slice(0, 40)).toBeLessThan(500);
      expect(JSON.parse(answer), body.slice(0, 40)).toMatchObject({ error: { code: expect.any(Number) } });
    }
    const batch = JSON.stringify(
      Array.from({ length: 1000 }, (_, id) => ({ jsonrpc: "2.0", id, method: "tools/list" })),
    );
    expect((await post(authorized, batch)).status).toBe(400);
    expect((await post({ ...authorized, "content-type": "text/plain" })).status).toBe(415);
    expect((await post(authorized, initialize, "/other")).status).toBe(404);
    expect((await send(served.url, "GET", { ...usual, ...authorized })).status).toBe(405);
    expect((await post({ ...authorized, "mcp-session-id": "guessed" })).status).toBe(404);
    expect(await a?.call("list_sandboxes")).toBeTruthy();
  });

  test("handles are each client's own: another's don't exist, and nor do its sessions and outputs", async () => {
    if (!a || !b) return;
    const { sandbox_id } = await a.call("create_sandbox");
    const { run_id } = await a.call("exec", { sandbox_id, command: "echo mine; seq 1 50000" });
    expect(await b.call("list_sandboxes")).toEqual({ sandboxes: [], sandboxes_in_all: 0, runs: [] });
    for (const name of ["fork_sandbox", "close_sandbox", "list_directory"])
      expect(await b.refused(name, { sandbox_id }), name).toMatchObject({ code: "NO_SUCH_SANDBOX" });
    expect(await b.refused("exec", { sandbox_id, command: "true" })).toMatchObject({
      code: "NO_SUCH_SANDBOX",
    });
    expect(await b.refused("validate", { sandbox_id })).toMatchObject({ code: "NO_SUCH_SANDBOX" });
    for (const name of ["get_run", "stop_run", "read_output"]) {
      const error = await b.refused(name, { run_id });
      expect(error, name).toMatchObject({ code: "NO_SUCH_RUN" });
      expect(error.text, name).toContain("Sandboxes: none. Runs: none.");
    }
    await expect(b.client.readResource({ uri: `forkbox://runs/${run_id}/stdout` })).rejects.toThrow(
      /no such run/,
    );
    const { headers } = await post(authorized);
    const session = { "mcp-session-id": String(headers["mcp-session-id"]) };
    const list = { jsonrpc: "2.0", id: 2, method: "tools/list" };
    expect((await post({ ...authorized, ...session }, list)).status).toBe(200);
    expect((await post({ authorization: `Bearer ${tokens.TOKEN_B}`, ...session }, list)).status).toBe(404);
    await a.call("close_sandbox", { sandbox_id });
  });

  test("one client may have so many sandboxes; those that nobody uses are closed, not those where something runs", async () => {
    if (!a || !b) return;
    const mine = await Promise.all([1, 2, 3].map(() => a?.call("create_sandbox")));
    const error = await a.refused("create_sandbox");
    expect(error).toMatchObject({ code: "LIMIT", next: expect.stringMatching(/close_sandbox/) });
    expect(await a.refused("fork_sandbox", { sandbox_id: mine[0]?.sandbox_id })).toMatchObject({
      code: "LIMIT",
    });
    expect(await b.call("create_sandbox")).toBeTruthy();
    await a.call("exec", { sandbox_id: mine[0]?.sandbox_id, command: "sleep 600", wait_ms: 0 });
    const { call } = a;
    const left = async () => ((await call("list_sandboxes")).sandboxes as unknown[]).length;
    for (let looks = 400; looks > 0 && (await left()) > 1; looks--)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await a.call("list_sandboxes")).toMatchObject({
      sandboxes: [{ sandbox_id: mine[0]?.sandbox_id }],
    });
    await a.call("close_sandbox", { sandbox_id: mine[0]?.sandbox_id });
  });

  test("twenty clients at once work beside each other, in both revisions", async () => {
    await using many = await serveHttp();
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, index) => many.connect({ era: eras[index % 2] ?? "modern" })),
    );
    const outputs = await Promise.all(
      clients.map(async ({ call }, index) => {
        const { sandbox_id } = await call("create_sandbox");
        await call("write_files", { sandbox_id, files: [{ path: "who", content: `client ${index}` }] });
        const { stdout } = await call("exec", { sandbox_id, command: "cat who" });
        await call("close_sandbox", { sandbox_id });
        return stdout;
      }),
    );
    expect(outputs).toEqual(clients.map((_, index) => `client ${index}`));
    await Promise.all(clients.map((client) => client.close()));
  });
});
