import type { IncomingMessage, ServerResponse } from "node:http";
import type { ApiError, QueryResult } from "../shared/api.ts";
import { parseFaresQuery, queryFares } from "./fares.ts";
import { type Warehouse, WarehouseError } from "./warehouse.ts";

type Answer = { status: 200; body: QueryResult } | { status: number; body: ApiError };

/** Answers everything under `/api/`, always in JSON, and never with an exception. */
export function createApi(warehouse: Warehouse) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController();
    response.once("close", () => gone.abort(new Error("The client went away.")));
    const { status, body } = await answer(warehouse, request, gone.signal);
    if (gone.signal.aborted) return;
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(body));
  };
}

async function answer(
  warehouse: Warehouse,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<Answer> {
  const { pathname, searchParams } = new URL(`http://localhost${request.url}`);
  if (pathname !== "/api/fares") return refuse(404, `There is no ${pathname}.`);
  if (request.method !== "GET") return refuse(405, "Only GET is answered here.");
  try {
    const query = parseFaresQuery(searchParams);
    return { status: 200, body: await queryFares(warehouse, query, signal) };
  } catch (error) {
    if (error instanceof RangeError) return refuse(400, error.message);
    if (error instanceof WarehouseError) {
      return refuse(error.kind === "timeout" ? 504 : 502, error.message);
    }
    if (!signal.aborted) console.error(error);
    return refuse(500, "Something went wrong on the server.");
  }
}

function refuse(status: number, error: string): Answer {
  return { status, body: { error } };
}
