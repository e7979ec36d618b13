import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** The same for work that writes much: what was written before has reached the disk first, and holds nothing up. */
export async function timedOnQuietDisk(work: () => Promise<unknown>): Promise<number> {
  await promisify(execFile)("sync");
  return timed(work);
}

/** The times of `count` runs, one straight after the other; `unmeasured` more before them. */
export async function backToBack(
  count: number,
  unmeasured: number,
  work: () => Promise<unknown>,
): Promise<number[]> {
  for (let i = 0; i < unmeasured; i++) await work();
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await timed(work));
  return times;
}

/**
 * Takes turns: A B A B…, so that what else the machine does meets all of them alike. Each gives what it
 * measured; what it does besides (making ready, cleaning up) does not count.
 */
export async function interleave<Name extends string>(
  rounds: number,
  works: Record<Name, () => Promise<number | number[]>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(works) as Name[];
  const measured = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) measured[name].push(...[await works[name]()].flat());
  }
  return measured;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** Cells in columns; the first row is the head. */
export function table(cells: readonly (readonly string[])[]): string {
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  const [head = [], ...body] = cells;
  return [line(head), rule, ...body.map(line)].join("\n");
}
