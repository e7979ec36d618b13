import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Group } from "./group.js";

const CHILD = fileURLToPath(new URL("./memory-child.ts", import.meta.url));

export const memory: Group = {
  rows: ["memory-1-gib"],
  async measure() {
    const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, CHILD]);
    return { "memory-1-gib": { ours: [Number(stdout)] } };
  },
};
