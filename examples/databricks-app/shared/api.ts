/** What the server answers and the page reads: the only types that both sides know. */

export type Cell = string | number | boolean | null;

export interface Column {
  name: string;
  /** The warehouse's name of the type: `INT`, `DOUBLE`, `STRING`… */
  type: string;
}

export interface QueryResult {
  columns: Column[];
  rows: Cell[][];
  /** The warehouse had more rows than it was willing to send. */
  truncated: boolean;
}

/** The body of every answer that is not 200. */
export interface ApiError {
  error: string;
}

/** What `GET /api/fares` asks for. */
export interface FaresQuery {
  /** Only trips that cost at least this many dollars. */
  minFare: number;
  /** How many pickup areas, busiest first. */
  limit: number;
}

export const defaultQuery: FaresQuery = { minFare: 0, limit: 20 };
export const maxLimit = 500;
