import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../server/app.ts";
import { Warehouse } from "../server/warehouse.ts";
import { startStandInWarehouse } from "./support/stand-in-warehouse.js";

const token = "dapi-of-the-tests";
const script = {
  states: ["RUNNING", "SUCCEEDED"],
  columns: [["pickup_zip", "INT"]] as [string, string][],
  chunks: [[["10103"]]],
  error: "Table not found",
};
let standIn: Awaited<ReturnType<typeof startStandInWarehouse>>;
let directory: string;
let app: Server;
let url: string;

beforeAll(async () => {
  standIn = await startStandInWarehouse({ token, script });
  directory = await mkdtemp(join(tmpdir(), "app-test-"));
  await mkdir(join(directory, "client/assets"), { recursive: true });
  await writeFile(join(directory, "client/index.html"), "<!doctype html>");
  await writeFile(join(directory, "client/assets/main-1a2b.js"), "export {};");
  await writeFile(join(directory, "secret.js"), "out of reach");

  const config = { host: new URL(standIn.url), warehouseId: "w1", token };
  app = createApp(new Warehouse(config, { pollMs: 1 }), join(directory, "client"));
  await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
});

afterAll(async () => {
  app.closeAllConnections();
  await new Promise((resolve) => app.close(resolve));
  await standIn[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

describe("GET /api/fares", () => {
  it("answers with what the warehouse found for the query's values", async () => {
    const response = await fetch(`${url}/api/fares?minFare=12.5&limit=3`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      columns: [{ name: "pickup_zip", type: "INT" }],
      rows: [[10103]],
      truncated: false,
    });
    const statement = standIn.requests.findLast(({ method }) => method === "POST");
    expect(statement?.body.parameters).toEqual([
      { name: "min_fare", value: "12.5", type: "DOUBLE" },
      { name: "limit", value: "3", type: "INT" },
    ]);
  });

  it.each(["minFare=-1", "minFare=cheap", "limit=0", "limit=1.5", "limit=501", "limit=1%20OR%201"])(
    "refuses %s without asking the warehouse",
    async (search) => {
      const before = standIn.requests.length;
      const response = await fetch(`${url}/api/fares?${search}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ error: expect.stringMatching(/must be/) });
      expect(standIn.requests.length).toBe(before);
    },
  );

  it("passes on why a statement failed, as a fault behind this server", async () => {
    const states = script.states;
    script.states = ["FAILED"];
    const response = await fetch(`${url}/api/fares`);
    script.states = states;
    expect(response.status).toBe(502);
    expect(await response.json()).toEqual({ error: "Table not found" });
  });

  it("answers GET only, and nothing else under /api", async () => {
    expect((await fetch(`${url}/api/fares`, { method: "POST" })).status).toBe(405);
    expect((await fetch(`${url}/api/tokens`)).status).toBe(404);
  });
});

describe("the page", () => {
  it("is served with its type and a policy that lets no foreign script in", async () => {
    const response = await fetch(url);
    expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    expect(response.headers.get("content-security-policy")).toBe("default-src 'self'");
    expect(await response.text()).toBe("<!doctype html>");
  });

  it("lets browsers keep what has a hash in its name", async () => {
    const { headers } = await fetch(`${url}/assets/main-1a2b.js`);
    expect(headers.get("cache-control")).toMatch(/immutable/);
  });

  // Over a bare socket, because fetch would tidy up the path before it sends it.
  it.each([
    "/../secret.js",
    "/%2e%2e/secret.js",
    "/..%2fsecret.js",
    "/assets/..\\..\\secret.js",
    "//",
  ])("does not let %s out of its directory", async (path) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(`GET ${path} HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 404 /);
  });
});
