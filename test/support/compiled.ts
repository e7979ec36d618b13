import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Compiled {
  directory: string;
  remove(): void;
}

/** Compiles programs of this directory; undefined where this machine has no C compiler. */
export function compiled(...names: readonly string[]): Compiled | undefined {
  if (spawnSync("cc", ["--version"]).status !== 0) return undefined;
  const directory = mkdtempSync(join(tmpdir(), "forkbox-test-programs-"));
  chmodSync(directory, 0o755);
  for (const name of names) {
    const source = fileURLToPath(new URL(`./${name}.c`, import.meta.url));
    const run = spawnSync("cc", ["-O1", "-w", "-o", join(directory, name), source], { encoding: "utf8" });
    if (run.status !== 0) throw new Error(`${name}.c could not be compiled: ${run.stderr}`);
  }
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
