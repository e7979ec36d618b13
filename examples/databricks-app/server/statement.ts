/** The part of the Statement Execution API's answers that this app reads. */

import type { Cell } from "../shared/api.ts";

export interface Statement {
  statement_id: string;
  status: {
    state: "PENDING" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELED" | "CLOSED";
    error?: { error_code?: string; message?: string };
  };
  manifest?: {
    schema: { columns: { name: string; type_name: string }[] };
    truncated?: boolean;
  };
  /** The first chunk; later ones are asked for by index. */
  result?: Chunk;
}

export interface Chunk {
  /** JSON_ARRAY: every value is a string, whatever its column's type. */
  data_array?: (string | null)[][];
  /** Left out of the last chunk. */
  next_chunk_index?: number;
}

/** Turns a cell into a value of its column's type, where JavaScript has one that loses nothing. */
export function parseCell(text: string | null, type: string): Cell {
  if (text === null) return null;
  switch (type) {
    case "BOOLEAN":
      return text === "true";
    case "BYTE":
    case "SHORT":
    case "INT":
    case "LONG":
    case "FLOAT":
    case "DOUBLE":
      return parseNumber(text, type);
    default:
      return text;
  }
}

/** JSON has no NaN, and a double no room for every LONG: those stay text. */
function parseNumber(text: string, type: string): number | string {
  const number = Number(text);
  const isExact = type === "LONG" ? Number.isSafeInteger(number) : Number.isFinite(number);
  return isExact ? number : text;
}
