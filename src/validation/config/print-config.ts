import { resolve } from "node:path";
import { type Because, detectProject } from "../detect/detect.js";
import type { ValidateSpec } from "../types.js";
import { parseConfig } from "./config.js";
import { candidateConfig, givenConfig, operatorConfig } from "./source.js";
import type { ConfigFile } from "./types.js";

// Editors find it there when forkbox is a dependency of the project.
const schema = "./node_modules/forkbox/schema/forkbox.schema.json";

/** The config that `validate` would use for the first directory: what it brings, or what is detected in it. */
export async function describeConfig(spec: Pick<ValidateSpec, "directories" | "config">): Promise<string> {
  const directory = resolve(spec.directories?.[0] ?? ".");
  const source =
    spec.config === undefined
      ? await candidateConfig(directory)
      : typeof spec.config === "string"
        ? await operatorConfig(resolve(spec.config))
        : givenConfig(spec.config);
  if (source === undefined) {
    const { config, because } = await detectProject(directory);
    return printConfig(config, because);
  }
  parseConfig(source, "operator");
  return printConfig(source.value as ConfigFile);
}

/** A config as a forkbox.yaml to start from; what was detected says what each command was concluded from. */
export async function printConfig(config: ConfigFile, because?: Because): Promise<string> {
  const { commented } = await import("./commented.js");
  return `# yaml-language-server: $schema=${schema}\n${commented(short(config), because)}`;
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
