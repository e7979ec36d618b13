import { fileURLToPath } from "node:url";
import { Sandbox } from "../src/index.js";
import { run } from "./bare.js";
import { CannotRun, type Group } from "./group.js";
import { interleave, timedOnQuietDisk } from "./measure.js";

export const EXAMPLE = fileURLToPath(new URL("../examples/databricks-app", import.meta.url));

// npm's own network calls besides the packages themselves say nothing about either side.
const COMMAND = "npm ci --no-audit --no-fund --no-update-notifier && npm run build";
const CACHE = "/home/sandbox/.npm";

/** Each side has a cache of its own, filled by a run that does not count: what is left is unpacking and building. */
export const example: Group = {
  rows: ["example-build"],
  async measure(place) {
    const project = place.copyOf(EXAMPLE);
    const env = { ...process.env, npm_config_cache: place.fresh() };
    const ours = async () => {
      await using sandbox = await Sandbox.create({ engine: "local", caches: { npm: CACHE } });
      await sandbox.refreshFromHost(project, ".");
      return await timedOnQuietDisk(async () => {
        const { exitCode, stdout, stderr } = await sandbox.exec(COMMAND);
        if (exitCode !== 0) throw new Error(`${COMMAND}: exit code ${exitCode}: ${stdout}${stderr}`);
      });
    };
    const floor = async () => {
      const copy = place.copyOf(project);
      return timedOnQuietDisk(() => run("sh", ["-c", COMMAND], copy, env));
    };
    try {
      await floor();
      await ours();
    } catch (error) {
      throw new CannotRun(`the example can't be installed and built here: ${(error as Error).message}`);
    }
    return { "example-build": await interleave(5, { ours, floor }) };
  },
};
