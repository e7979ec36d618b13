import { Sandbox } from "../src/index.js";
import type { Group } from "./group.js";
import { interleave, timed } from "./measure.js";

const FORKS = 300;

export const fork: Group = {
  rows: ["fork-time", "fork-size", "fork-read-time", "fork-read-size"],
  async measure() {
    await using small = await sandboxOf(10);
    await using large = await sandboxOf(100_000);
    const reads = { small: [] as number[], large: [] as number[] };
    const forkAndRead = async (sandbox: Sandbox, times: number[]) => {
      const started = performance.now();
      await using fork = await sandbox.fork();
      const forked = performance.now() - started;
      times.push(await timed(() => fork.readFile("0/7")));
      return forked;
    };
    await interleave(20, {
      small: () => forkAndRead(small, []),
      large: () => forkAndRead(large, []),
    });
    const forks = await interleave(FORKS, {
      small: () => forkAndRead(small, reads.small),
      large: () => forkAndRead(large, reads.large),
    });
    return {
      "fork-time": { ours: forks.large },
      "fork-size": { ours: forks.large, floor: forks.small },
      "fork-read-time": { ours: reads.large },
      "fork-read-size": { ours: reads.large, floor: reads.small },
    };
  },
};

/** A sandbox in which a command has written so many files, 1,000 in a directory. */
async function sandboxOf(files: number): Promise<Sandbox> {
  const sandbox = await Sandbox.create({ engine: "local", network: "off" });
  const write = `
    const { mkdirSync, writeFileSync } = require("node:fs");
    for (let i = 0; i < ${files}; i++) {
      const directory = String(Math.floor(i / 1000));
      if (i % 1000 === 0) mkdirSync(directory);
      writeFileSync(directory + "/" + i, "file " + i);
    }`;
  const { exitCode, stderr } = await sandbox.exec(["node", "-e", write]);
  if (exitCode !== 0) throw new Error(`Writing ${files} files failed: ${stderr}`);
  return sandbox;
}
