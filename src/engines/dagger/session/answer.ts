import type { Answer } from "./connection.js";
import { QueryFailure } from "./errors.js";

interface GraphqlAnswer {
  data?: unknown;
  errors?: readonly { message: string; extensions?: Record<string, unknown> }[];
}

/** The data of an answer. Throws QueryFailure for errors, and for what is no answer of an engine. */
export function readAnswer({ status, body }: Answer): unknown {
  let answer: GraphqlAnswer | null;
  try {
    answer = JSON.parse(body) as GraphqlAnswer | null;
  } catch {
    throw unreadable(status, body);
  }
  const [first, ...rest] = answer?.errors ?? [];
  if (first) {
    const more = rest.length > 0 ? ` (and ${rest.length} more)` : "";
    throw new QueryFailure(`${first.message}${more}`, first.extensions);
  }
  if (status !== 200 || typeof answer?.data !== "object" || answer.data === null) {
    throw unreadable(status, body);
  }
  return answer.data;
}

function unreadable(status: number, body: string): QueryFailure {
  return new QueryFailure(`HTTP ${status}, ${JSON.stringify(body.slice(0, 300))}`);
}
