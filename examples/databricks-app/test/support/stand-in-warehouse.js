import { createServer } from "node:http";
import { json } from "node:stream/consumers";

/**
 * What the stand-in does with every statement: the states it goes through, one a request (the last one
 * stays), and how it ends.
 *
 * @typedef {object} Script
 * @property {string[]} states
 * @property {[name: string, type: string][]} [columns]
 * @property {(string | null)[][][]} [chunks]
 * @property {string} [error] the message of a statement that FAILED
 *
 * @typedef {{ method: string, path: string, body: any }} SeenRequest
 */

/**
 * A SQL warehouse on loopback: it speaks the part of the Statement Execution API that this app uses,
 * refuses every other token, and remembers what it was asked.
 *
 * @param {{ token: string, script: Script }} options
 */
export async function startStandInWarehouse({ token, script }) {
  /** @type {SeenRequest[]} */
  const requests = [];
  let step = 0;

  const server = createServer(async (request, response) => {
    const { method = "", url: path = "" } = request;
    const body =
      request.headers["content-type"] === "application/json" ? await json(request) : null;
    requests.push({ method, path, body });
    const [status, answer] =
      request.headers.authorization === `Bearer ${token}`
        ? route(method, path)
        : [403, { error_code: "PERMISSION_DENIED", message: "Invalid access token." }];
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });

  /** @returns {[status: number, answer: object]} */
  function route(/** @type {string} */ method, /** @type {string} */ path) {
    const base = "/api/2.0/sql/statements";
    if (method === "POST" && path === base) {
      step = 0;
      return [200, statement()];
    }
    if (method === "GET" && path === `${base}/statement-1`) return [200, statement()];
    if (method === "POST" && path === `${base}/statement-1/cancel`) return [200, {}];
    const index = path.match(
      /^\/api\/2\.0\/sql\/statements\/statement-1\/result\/chunks\/(\d+)$/,
    )?.[1];
    if (method === "GET" && index) return [200, chunk(Number(index))];
    return [404, { error_code: "NOT_FOUND", message: `No ${method} ${path}.` }];
  }

  function statement() {
    const state = script.states[Math.min(step++, script.states.length - 1)];
    const columns = script.columns?.map(([name, type_name]) => ({ name, type_name }));
    return {
      statement_id: "statement-1",
      status: { state, ...(state === "FAILED" && { error: { message: script.error } }) },
      ...(state === "SUCCEEDED" && { manifest: { schema: { columns } }, result: chunk(0) }),
    };
  }

  function chunk(/** @type {number} */ index) {
    const chunks = script.chunks ?? [];
    return {
      chunk_index: index,
      data_array: chunks[index],
      ...(index + 1 < chunks.length && { next_chunk_index: index + 1 }),
    };
  }

  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
