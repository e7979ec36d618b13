import { test } from "vitest";
import type { CreateOptions } from "../../src/options.js";
import type { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "./engines.js";
import { expectCode } from "./errors.js";
import { type Prepared, prepare } from "./prepared.js";

/** Answers with its path, says so, and writes what it was asked to a file: `node server.js PORT`. */
export const SERVER = `
const { appendFileSync } = require("node:fs");
require("node:http").createServer((request, response) => {
  console.log("asked for " + request.url);
  appendFileSync("asked", request.url + "\\n");
  response.statusCode = request.url === "/missing" ? 404 : 200;
  response.end("served " + request.url + "\\n");
}).listen(Number(process.argv[2]), () => console.log("listening on " + process.argv[2]));
`;

/** GET for sandboxes that have Node and may have no curl: `node get.js URL…`. */
export const GET = `
(async () => {
  for (const url of process.argv.slice(2)) {
    const answer = await fetch(url).catch((error) => ({ text: () => "failed: " + (error.cause?.code ?? error) + "\\n" }));
    process.stdout.write(await answer.text());
  }
})();
`;

/** A sandbox a block with a server to start in it; and, where an engine has no services, one test that says so. */
export function prepareServer(engine: EngineUnderTest, options: CreateOptions = {}): Prepared {
  return prepare(engine, options, (sandbox) =>
    sandbox.writeFiles([
      { path: "server.js", data: SERVER },
      { path: "get.js", data: GET },
    ]),
  );
}

/** Whether there is more to test; where not, that starting one is refused is tested instead. */
export function hasServices(engine: EngineUnderTest): boolean {
  if (engine.capabilities.services === true) return true;
  const prepared = prepare(engine);
  test("starting one is UNSUPPORTED, and the sandbox goes on", async () => {
    const sandbox = await prepared.fork();
    await expectCode(sandbox.start("sleep 1000"), "UNSUPPORTED");
    await sandbox.exec("echo on > file");
  });
  return false;
}

export async function get(sandbox: Sandbox, ...urls: string[]): Promise<string> {
  return (await sandbox.exec(["node", "get.js", ...urls])).stdout;
}
