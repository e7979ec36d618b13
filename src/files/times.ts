/**
 * Seconds since 1970 as Node takes them to set a file's times, which keeps microseconds. Before 1970 is 1970: of what is
 * negative Node makes the present.
 */
export function seconds(nanoseconds: bigint): number {
  return Math.max(0, Number(nanoseconds) / 1e9);
}
