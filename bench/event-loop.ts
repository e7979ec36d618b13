import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Sandbox } from "../src/index.js";
import { run } from "./bare.js";
import type { Group } from "./group.js";
import type { Place } from "./place.js";

const ROUNDS = 3;
const FILES = 60_000;
const TICK_MS = 5;

/** The longest stop of this process's event loop while files cross the host boundary, both ways. */
export const eventLoop: Group = {
  rows: ["loop-many", "loop-large"],
  async measure(place) {
    const many = manyFiles(place);
    const large = place.fresh();
    mkdirSync(large);
    await run("sh", ["-c", "head -c 2G /dev/urandom > large"], large);
    return {
      "loop-many": { ours: await stops(place, many) },
      "loop-large": { ours: await stops(place, large) },
    };
  },
};

/** Half of them in one directory. */
function manyFiles(place: Place): string {
  const root = place.fresh();
  for (let i = 0; i < FILES; i++) {
    const directory = join(root, i < FILES / 2 ? "one" : `d${i % 200}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `f${i}`), "x");
  }
  return root;
}

async function stops(place: Place, project: string): Promise<number[]> {
  const found: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const sandbox = await Sandbox.create({ engine: "local", network: "off" });
    const bringIn = await longestStop(() => sandbox.refreshFromHost(project, "project"));
    const bringOut = await longestStop(() => sandbox.exportDirectory("project", place.fresh()));
    found.push(Math.max(bringIn, bringOut));
    await sandbox.close();
  }
  return found;
}

async function longestStop(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last - TICK_MS);
    last = now;
  };
  const timer = setInterval(look, TICK_MS);
  try {
    await work();
    look();
  } finally {
    clearInterval(timer);
  }
  return longest;
}
