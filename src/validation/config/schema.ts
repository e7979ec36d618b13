import { z } from "zod";
import { LEAST_MEMORY_MIB } from "../../sandbox/create-arguments.js";
import { registryNames } from "../registries/registry.js";
import type { ConfigFile } from "./types.js";

const longestTimeoutMs = 2_147_483_647;

const line = z.string().regex(/^(?![\s\S]*\0)\s*\S/, "must be a command, not empty");
const hostPath = z.string().regex(/^[^\0]+$/, "must be a path, not empty");
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of an environment variable");
const checkName = z
  .string()
  .regex(
    /^(?!(setup|sources|build)$)[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/,
    "must be 1 to 64 letters, digits, and . _ : - after the first, and not setup, sources or build",
  );
/** Nothing absolute and no part "..": also inside braces. */
const glob = z
  .string()
  .regex(
    /^(?!\/)(?!.*(^|[/{,!(|])\.\.([/},)|]|$))[^\0]+$/,
    "must be a glob relative to the project that stays in it: no leading / and no ..",
  );
const globs = z.array(glob);
const network = z
  .enum(["on", "off", "host"])
  .describe("Operator's config only. `host` is the host's own network, its services included.");
const env = z.array(variable).describe("Operator's config only. Names of host environment variables.");
const secrets = z
  .array(variable)
  .describe("Operator's config only. Names of host environment variables that are secrets.");

const commands = z.union([line, z.array(line).min(1)]);
const command = {
  run: commands.describe("Commands for `sh -c`, one after the other; the first that fails ends it."),
  timeoutMs: z
    .int("must be a whole number of milliseconds")
    .min(1, "must be at least 1 millisecond")
    .max(longestTimeoutMs, `must be at most ${longestTimeoutMs}`)
    .describe("Milliseconds for all of `run` together. Default 600000.")
    .optional(),
  network: network.optional(),
  env: env.optional(),
  secrets: secrets.optional(),
};
const artifacts = globs
  .describe("Globs relative to the project. Exported whether it passes or not.")
  .optional();

const setup = z.strictObject({
  ...command,
  files: globs
    .describe("Globs of the project's files that setup needs. Default: manifests, lockfiles and the like.")
    .optional(),
});
const build = z.strictObject({ ...command, artifacts });
const check = z.strictObject({
  ...command,
  artifacts,
  needs: z
    .array(checkName)
    .describe("Checks that must have passed before; their changes are not seen.")
    .optional(),
  from: checkName
    .describe("Start from the end of this check, which must have passed, instead of from the build.")
    .optional(),
});

const positive = z.number().positive("must be more than 0");
const count = z.int("must be a whole number").min(1, "must be at least 1");
const limits = z.strictObject({
  memoryMiB: z
    .number()
    .min(LEAST_MEMORY_MIB, `must be at least ${LEAST_MEMORY_MIB}`)
    .describe("Memory of all processes of a command together.")
    .exactOptional(),
  cpus: positive.describe("CPUs a command may use; a fraction is allowed.").exactOptional(),
  processes: count.describe("Processes and threads at once.").exactOptional(),
  diskMiB: positive.describe("What one command may add to the disk.").exactOptional(),
  outputBytes: count.describe("Bytes kept of each output stream.").exactOptional(),
});

const base = z.union([
  z.strictObject({ image: hostPath }),
  z.strictObject({
    dockerfile: hostPath,
    target: z.string().min(1).exactOptional(),
    buildArgs: z.record(z.string().min(1), z.string()).exactOptional(),
  }),
  z.strictObject({ rootfs: hostPath }),
  z.strictObject({ archive: hostPath }),
  z.strictObject({ host: z.literal(true), paths: z.array(hostPath).exactOptional() }),
]);

const sources = z.strictObject({
  include: globs.describe("Default: everything.").optional(),
  exclude: globs
    .describe("Default: node_modules and .venv at any depth, unless git tracks them, and .git below the top.")
    .optional(),
  gitignore: z.boolean().describe("Leave out what git ignores. Default true.").optional(),
  git: z
    .boolean()
    .describe(
      "Bring the git repository: history, index and tags, never config, hooks and remotes. Default true.",
    )
    .optional(),
});
const reports = z.strictObject({
  json: hostPath.optional(),
  junit: hostPath.optional(),
  html: hostPath.optional(),
  markdown: hostPath.optional(),
});

/** The shape of a config. What a shape can't say (whose words count, names that exist, cycles) is checked after it. */
export const configSchema = z
  .strictObject({
    setup: z
      .union([...commands.options, setup])
      .describe("Installs dependencies. Sees only `files`; its snapshot is cached.")
      .optional(),
    build: z
      .union([...commands.options, build])
      .describe("Runs once over the whole project, before the checks, never cached.")
      .optional(),
    checks: z
      .record(checkName, z.union([...commands.options, check]))
      .describe("Each runs in a fork of its own.")
      .optional(),
    limits: limits
      .describe("Limits of every command. They can only tighten what the operator set.")
      .optional(),
    artifactsMiB: positive
      .describe(
        "MiB that the artifacts of one step may take. Default 2048. A project's own config can only lower it.",
      )
      .optional(),
    engine: z.enum(["auto", "local", "dagger"]).describe("Operator's config only.").optional(),
    base: base
      .describe(
        "Operator's config only. What the sandbox starts from. Relative paths start at the config file.",
      )
      .optional(),
    user: z.enum(["sandbox", "root"]).describe("Operator's config only. Who runs commands.").optional(),
    env: env.optional(),
    secrets: secrets.optional(),
    registries: z
      .array(z.enum(registryNames))
      .describe("Operator's config only. Whose settings of private registries setup and build get.")
      .optional(),
    network: network.optional(),
    caches: z
      .record(
        z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "must be 1 to 64 letters, digits, and . _ -"),
        z.string().regex(/^\/[^\0]*$/, "must be an absolute sandbox path"),
      )
      .describe(
        "Operator's config only. Name to absolute sandbox path: kept between runs, writable in setup only.",
      )
      .optional(),
    sources: sources.describe("Operator's config only. What of the project is imported.").optional(),
    out: hostPath
      .describe("Operator's config only. Directory for artifacts, relative to the config file.")
      .optional(),
    reports: reports
      .describe("Operator's config only. Report files, relative to the config file.")
      .optional(),
  })
  .meta({
    title: "forkbox.yaml",
    description: "What forkbox validates in a project: setup, build and checks.",
  }) satisfies z.ZodType<ConfigFile>;

/** The keys of each map, under the name of the top-level key that leads to it. */
export const knownKeys: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(configSchema.shape),
  setup: Object.keys(setup.shape),
  build: Object.keys(build.shape),
  checks: Object.keys(check.shape),
  limits: Object.keys(limits.shape),
  base: base.options.flatMap((option) => Object.keys(option.shape)),
  sources: Object.keys(sources.shape),
  reports: Object.keys(reports.shape),
};

/** The JSON Schema that editors use: published as `forkbox/schema.json`. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: "input", target: "draft-07" });
}
