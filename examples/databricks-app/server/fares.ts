import { defaultQuery, type FaresQuery, maxLimit, type QueryResult } from "../shared/api.ts";
import type { Warehouse } from "./warehouse.ts";

const statement = `
  SELECT pickup_zip, count(*) AS trips, round(avg(fare_amount), 2) AS average_fare,
         round(avg(trip_distance), 2) AS average_miles
  FROM samples.nyctaxi.trips
  WHERE fare_amount >= :min_fare
  GROUP BY pickup_zip
  ORDER BY trips DESC, pickup_zip
  LIMIT :limit`;

/** Fares by pickup area, busiest first. */
export function queryFares(
  warehouse: Warehouse,
  { minFare, limit }: FaresQuery,
  signal: AbortSignal,
): Promise<QueryResult> {
  return warehouse.query(
    statement,
    [
      { name: "min_fare", value: String(minFare), type: "DOUBLE" },
      { name: "limit", value: String(limit), type: "INT" },
    ],
    signal,
  );
}

/** Reads a query string. Throws a RangeError that says what would be right. */
export function parseFaresQuery(search: URLSearchParams): FaresQuery {
  const minFare = Number(search.get("minFare") ?? defaultQuery.minFare);
  if (!(minFare >= 0 && minFare <= 10_000))
    throw new RangeError("minFare must be from 0 to 10000.");
  const limit = Number(search.get("limit") ?? defaultQuery.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit) {
    throw new RangeError(`limit must be a whole number from 1 to ${maxLimit}.`);
  }
  return { minFare, limit };
}
