/**
 * Does the built app work as a whole? Starts `dist/server/main.js` against a stand-in warehouse on
 * loopback, asks it for the page and for a query, and prints what it saw. It needs no network, no
 * workspace and no credentials, and uses none: the server gets an environment that is made here.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { startStandInWarehouse } from "../test/support/stand-in-warehouse.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const token = "dapi-of-the-smoke-check";
/** @type {string[]} */
const seen = [];

const warehouse = await startStandInWarehouse({
  token,
  script: {
    states: ["PENDING", "RUNNING", "SUCCEEDED"],
    columns: [
      ["pickup_zip", "INT"],
      ["trips", "LONG"],
      ["average_fare", "DOUBLE"],
    ],
    chunks: [[["10103", "1200", "11.5"]], [["10001", "900", null]]],
  },
});
const server = spawn(process.execPath, ["dist/server/main.js"], {
  cwd: root,
  env: {
    PORT: "0",
    DATABRICKS_HOST: warehouse.url,
    DATABRICKS_WAREHOUSE_ID: "stand-in",
    DATABRICKS_TOKEN: token,
  },
  stdio: ["ignore", "pipe", "inherit"],
});
const exited = once(server, "exit");
// However this script ends, the server ends with it.
process.once("exit", () => server.kill("SIGKILL"));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

try {
  const url = await listening();
  await page(url);
  await query(url);
  await refusal(url);
  await stop();
} catch (error) {
  report(`FAILED  ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  server.kill("SIGKILL");
  await warehouse[Symbol.asyncDispose]();
}
await mkdir(`${root}/reports`, { recursive: true });
await writeFile(`${root}/reports/smoke.txt`, `${seen.join("\n")}\n`);

function report(/** @type {string} */ line) {
  seen.push(line);
  console.log(line);
}

async function listening() {
  const signal = AbortSignal.timeout(15_000);
  for await (const line of createInterface({ input: server.stdout, signal })) {
    const url = line.match(/^Listening on (http:\S+)$/)?.[1];
    if (!url) continue;
    report("ok  server: listening on loopback");
    return url;
  }
  throw new Error(
    "the server did not start listening within 15 s: see above, and run the build first",
  );
}

async function get(/** @type {string} */ url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(15_000) });
  const body = await response.text();
  assert(!body.includes(token), `${url} gave the token away`);
  return { status: response.status, type: response.headers.get("content-type") ?? "", body };
}

async function page(/** @type {string} */ url) {
  const html = await get(url);
  assert.equal(html.status, 200);
  assert.match(html.type, /^text\/html/);
  assert.match(html.body, /<div id="root">/);
  const assets = [...html.body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
  assert(
    assets.some((path) => path?.endsWith(".js")),
    "the page loads no script",
  );
  for (const path of assets) assert.equal((await get(url + path)).status, 200, path);
  report(`ok  page: 200, and so are the ${assets.length} files that it loads`);
}

async function query(/** @type {string} */ url) {
  const answer = await get(`${url}/api/fares?minFare=10&limit=2`);
  assert.equal(answer.status, 200, answer.body);
  assert.deepEqual(JSON.parse(answer.body).rows, [
    [10103, 1200, 11.5],
    [10001, 900, null],
  ]);
  const [first, ...later] = warehouse.requests;
  assert.equal(first?.body.warehouse_id, "stand-in");
  assert.deepEqual(first.body.parameters, [
    { name: "min_fare", value: "10", type: "DOUBLE" },
    { name: "limit", value: "2", type: "INT" },
  ]);
  assert.equal(later.length, 3, "two polls and the second chunk");
  report(
    `ok  query: 2 rows in 2 chunks after ${later.length - 1} polls, with token and parameters`,
  );
}

async function refusal(/** @type {string} */ url) {
  const before = warehouse.requests.length;
  assert.equal((await get(`${url}/api/fares?limit=none`)).status, 400);
  assert.equal(warehouse.requests.length, before);
  report("ok  bad query: 400, and the warehouse was not asked");
}

async function stop() {
  server.kill("SIGTERM");
  const deadline = setTimeout(() => server.kill("SIGKILL"), 5_000);
  const [code, signal] = await exited;
  clearTimeout(deadline);
  assert.deepEqual({ code, signal }, { code: 0, signal: null });
  report("ok  server: stopped when asked to");
}
