import { useEffect, useState } from "react";
import type { FaresQuery, QueryResult } from "../../shared/api.ts";
import { fetchFares } from "./fetch-fares.ts";

export type FaresState =
  | { status: "loading" }
  | { status: "failed"; message: string }
  | { status: "loaded"; result: QueryResult };

/** Asks again for every new query object, and drops the answer to one that nobody asks any more. */
export function useFares(query: FaresQuery): FaresState {
  const [state, setState] = useState<FaresState>({ status: "loading" });

  useEffect(() => {
    const abort = new AbortController();
    const show = (next: FaresState) => abort.signal.aborted || setState(next);
    show({ status: "loading" });
    fetchFares(query, abort.signal).then(
      (result) => show({ status: "loaded", result }),
      (error: Error) => show({ status: "failed", message: error.message }),
    );
    return () => abort.abort();
  }, [query]);

  return state;
}
