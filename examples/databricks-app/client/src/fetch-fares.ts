import type { ApiError, FaresQuery, QueryResult } from "../../shared/api.ts";

/** Asks the server. Rejects with the reason that the server gave. */
export async function fetchFares(
  { minFare, limit }: FaresQuery,
  signal: AbortSignal,
): Promise<QueryResult> {
  const search = new URLSearchParams({ minFare: String(minFare), limit: String(limit) });
  const response = await fetch(`/api/fares?${search}`, { signal });
  const body: QueryResult | ApiError = await response.json();
  if ("error" in body) throw new Error(body.error);
  return body;
}
