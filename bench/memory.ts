import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { buildLibrary } from "../test/support/build.js";
import type { Group } from "./group.js";

const CHILD = fileURLToPath(new URL("./memory-child.mjs", import.meta.url));

/** Of the library as its users run it: what compiles TypeScript as it is loaded takes 40 MiB itself. */
export const memory: Group = {
  rows: ["memory-1-gib"],
  async measure() {
    const library = await buildLibrary();
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [CHILD, library.index]);
      return { "memory-1-gib": { ours: [Number(stdout)] } };
    } finally {
      await library.remove();
    }
  },
};
