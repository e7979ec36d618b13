import type { ConfigFile } from "./config-types.js";

// Editors find it there when forkbox is a dependency of the project.
const schema = "./node_modules/forkbox/schema/forkbox.schema.json";

/** A config as a forkbox.yaml to start from. */
export async function printConfig(config: ConfigFile): Promise<string> {
  const { stringify } = await import("yaml");
  return `# yaml-language-server: $schema=${schema}\n${stringify(short(config))}`;
}

/** Lists of one command as that command. */
function short(config: ConfigFile): ConfigFile {
  const { setup, build, ...rest } = config;
  return {
    ...(setup === undefined ? {} : { setup: single(setup) }),
    ...(build === undefined ? {} : { build: single(build) }),
    ...rest,
  };
}

function single<T>(step: T): T | string {
  if (Array.isArray(step) && step.length === 1) return step[0] as string;
  if (typeof step !== "object" || step === null || Array.isArray(step) || !("run" in step)) return step;
  const run = single(step.run);
  return Object.keys(step).length === 1 ? (run as T) : { ...step, run };
}
