/** What a measurement must not pass: a share of its floor, or an amount. */
export type Bar = { ratio: number } | { milliseconds: number } | { mebibytes: number };

export interface Row {
  work: string;
  /** What it is measured against in the same run; left out where the bar is an amount. */
  floor?: string;
  bar: Bar;
}

/** Every row of the table and its bar. */
export const rows = {
  "fork-time": { work: "fork, 100,000 files", bar: { milliseconds: 0.35 } },
  "fork-size": { work: "fork, 100,000 files", floor: "fork, 10 files", bar: { ratio: 1.2 } },
  "fork-read-time": { work: "first read after a fork, 100,000 files", bar: { milliseconds: 0.35 } },
  "fork-read-size": {
    work: "first read after a fork, 100,000 files",
    floor: "the same, 10 files",
    bar: { ratio: 1.2 },
  },
  "exec-true": { work: "exec true, back to back", floor: "bare bwrap", bar: { ratio: 1.5 } },
  "exec-1000th": { work: "the 1,000th exec in one sandbox", floor: "the 10th", bar: { ratio: 1.2 } },
  "exec-200-open": {
    work: "exec with 200 sandboxes open",
    floor: "with one open",
    bar: { ratio: 1.2 },
  },
  "exec-16-forks": {
    work: "16 forks, one exec each, at once",
    floor: "16 bare bwrap at once",
    bar: { ratio: 1.5 },
  },
  "read-file": { work: "readFile, 1 KiB", bar: { milliseconds: 1 } },
  "write-file": { work: "writeFile, 1 KiB", bar: { milliseconds: 1 } },
  refresh: { work: "refreshFromHost, 5,000 files", floor: "cp -r", bar: { ratio: 1.5 } },
  "refresh-again": {
    work: "refreshFromHost, the same again",
    floor: "the first time",
    bar: { ratio: 0.25 },
  },
  export: { work: "exportDirectory, 5,000 files", floor: "cp -r", bar: { ratio: 1.5 } },
  "loop-many": { work: "longest stop of the event loop, 60,000 files in and out", bar: { milliseconds: 50 } },
  "loop-large": { work: "longest stop of the event loop, 2 GiB in and out", bar: { milliseconds: 50 } },
  "example-build": {
    work: "npm ci and build of the example",
    floor: "the same on the host",
    bar: { ratio: 1.15 },
  },
  "validate-again": { work: "validate, setup cached, to the first check", bar: { milliseconds: 500 } },
  "service-url": {
    work: "a Node server as a service, to its first answer through url",
    floor: "the same on the host",
    bar: { ratio: 4 },
  },
  "service-16-forks": {
    work: "16 forks with a Node server each, to the last first answer",
    floor: "16 of them on the host",
    bar: { ratio: 4 },
  },
  "service-postgres": {
    work: "fork of a seeded Postgres, to its first query",
    floor: "initdb, start and restore of the dump",
    bar: { ratio: 0.5 },
  },
  "memory-1-gib": { work: "memory while a command prints 1 GiB", bar: { mebibytes: 150 } },
  "dagger-exec": { work: "Dagger: exec true", floor: "one raw withExec query", bar: { ratio: 1.05 } },
  "dagger-exec-200th": {
    work: "Dagger: exec after 200 operations, 20 MiB written",
    floor: "the first exec",
    bar: { ratio: 1.2 },
  },
  "dagger-fork": { work: "Dagger: fork after 200 operations", bar: { milliseconds: 0.35 } },
  "dagger-8-forks": {
    work: "Dagger: 8 forks, one exec each, at once",
    floor: "8 raw queries at once",
    bar: { ratio: 1.1 },
  },
  "dagger-live": { work: "Dagger: a printed line until it is heard", bar: { milliseconds: 150 } },
  "dagger-write-100": {
    work: "Dagger: writeFiles, 100 x 1 KiB",
    floor: "one raw host-directory import",
    bar: { ratio: 1.5 },
  },
  "dagger-refresh-again": {
    work: "Dagger: refreshFromHost, 5,000 files, nothing changed",
    floor: "the raw import again",
    bar: { ratio: 1.2 },
  },
} as const satisfies Record<string, Row>;

export type RowId = keyof typeof rows;
