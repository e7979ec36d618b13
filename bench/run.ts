import { writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Bar, type Row, type RowId, rows } from "./bars.js";
import { daggerExec, daggerExecLate, daggerForks, daggerLive } from "./dagger-exec.js";
import { daggerRefreshAgain, daggerWrite } from "./dagger-files.js";
import { eventLoop } from "./event-loop.js";
import { example } from "./example.js";
import { execForks, execManyOpen, execThousandth, execTrue } from "./exec.js";
import { files } from "./files.js";
import { fork } from "./fork.js";
import { CannotRun, type Group, type Measured } from "./group.js";
import { exportOut, refresh } from "./host-boundary.js";
import { median, table } from "./measure.js";
import { memory } from "./memory.js";
import { Place } from "./place.js";
import { postgres, services } from "./services.js";
import { validateAgain } from "./validate.js";

const groups: readonly Group[] = [
  // Rows that delete many files when they end come last: that slows down a disk for seconds.
  ...[execTrue, execForks, files, execManyOpen, execThousandth, services, postgres, memory],
  ...[exportOut, example, refresh, validateAgain, eventLoop, fork],
  ...[daggerExec, daggerExecLate, daggerForks, daggerLive, daggerWrite, daggerRefreshAgain],
];

interface Result {
  id: RowId;
  work: string;
  verdict: "ok" | "missed" | "can't run" | "failed";
  /** Medians, in the unit of the bar. */
  ours?: number;
  floor?: number;
  ratio?: number;
  bar: Bar;
  samples?: Measured;
  /** Why it can't run here, or failed. */
  reason?: string;
}

const { only = [] } = parseArgs({ options: { only: { type: "string", multiple: true } } }).values;
const isWanted = (id: RowId) => only.length === 0 || only.some((part) => id.includes(part));
const results: Result[] = [];
using place = new Place();
for (const group of groups) {
  if (group.rows.some(isWanted)) results.push(...(await resultsOf(group)).filter(({ id }) => isWanted(id)));
}
if (results.length === 0) {
  console.error(`No row's name has ${only.join(" or ")} in it. There are: ${Object.keys(rows).join(", ")}.`);
  process.exitCode = 2;
} else {
  const [cpu] = cpus();
  const machine = {
    cpus: `${cpus().length} x ${cpu?.model.trim()}`,
    memoryMiB: Math.round(totalmem() / 1024 ** 2),
    kernel: release(),
    node: process.version,
    load: loadavg()[0],
  };
  console.log(tableOf(results));
  if (results.some(({ verdict }) => verdict === "failed")) process.exitCode = 1;
  const path = fileURLToPath(new URL("./results.json", import.meta.url));
  writeFileSync(path, `${JSON.stringify({ at: new Date().toISOString(), machine, results }, null, 2)}\n`);
}

async function resultsOf(group: Group): Promise<Result[]> {
  const started = performance.now();
  process.stderr.write(`measuring ${group.rows.join(", ")}…`);
  try {
    const measured = await group.measure(place);
    return group.rows.map((id) => judge(id, measured[id]));
  } catch (error) {
    const verdict = error instanceof CannotRun ? "can't run" : "failed";
    const reason = error instanceof Error ? error.message : String(error);
    return group.rows.map((id) => ({ id, work: rows[id].work, bar: rows[id].bar, verdict, reason }));
  } finally {
    process.stderr.write(` ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  }
}

function judge(id: RowId, samples: Measured | undefined): Result {
  if (samples === undefined) throw new Error(`Nothing was measured for ${id}.`);
  const { work, bar }: Row = rows[id];
  const ours = median(samples.ours);
  const floor = samples.floor && median(samples.floor);
  const ratio = floor === undefined ? undefined : ours / floor;
  const value = "ratio" in bar ? ratio : ours;
  const verdict = value !== undefined && value <= limitOf(bar) ? "ok" : "missed";
  const compared = floor === undefined ? {} : { floor, ratio: ours / floor };
  return { id, work, verdict, ours, ...compared, bar, samples };
}

function limitOf(bar: Bar): number {
  if ("ratio" in bar) return bar.ratio;
  return "milliseconds" in bar ? bar.milliseconds : bar.mebibytes;
}

function tableOf(results: readonly Result[]): string {
  const head = ["row", "work", "against", "floor", "ours", "ratio", "bar", ""];
  const body = results.map(({ id, work, ours, floor, ratio, bar, verdict, reason }) => [
    ...[id, work, (rows[id] as Row).floor ?? ""],
    ...[amount(floor, bar), amount(ours, bar), ratio?.toFixed(2) ?? ""],
    ...["ratio" in bar ? `${bar.ratio}x` : amount(limitOf(bar), bar)],
    reason === undefined ? verdict : `${verdict}: ${reason}`,
  ]);
  return table([head, ...body]);
}

function amount(value: number | undefined, bar: Bar): string {
  if (value === undefined) return "";
  if ("mebibytes" in bar) return `${value.toFixed(0)} MiB`;
  return `${value < 10 ? Number(value.toPrecision(3)) : value.toFixed(0)} ms`;
}
