import { spawn } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { ExecRequest } from "../src/engine.js";
import type { BaseTree } from "../src/engines/local/bases/base-tree.js";
import { hostEnvironment, hostView } from "../src/engines/local/bases/host.js";
import { writeHostSkeleton } from "../src/engines/local/bases/host-skeleton.js";
import { enterFor, wallsFor } from "../src/engines/local/commands/walls.js";
import { idsOfCaller } from "../src/engines/local/holder/ids.js";
import { CannotRun } from "./group.js";
import type { Place } from "./place.js";

/** What a program on the host took to run. */
export type Bare = (...argv: [string, ...string[]]) => Promise<void>;

/**
 * The floor of a launch: bwrap spawned by Node with the options that the local engine gives it, the switch to
 * an ordinary user included, on a plain directory instead of an overlay, with nothing kept and nobody watching.
 */
export async function bareBwrap(place: Place): Promise<Bare> {
  const directory = place.fresh();
  const view = hostView([], join(directory, "state"));
  mkdirSync(join(directory, "tree/workspace"), { recursive: true });
  writeHostSkeleton(directory, view, "sandbox");
  mkdirSync(join(directory, "v"));
  symlinkSync("../tree", join(directory, "v/plain"));
  const binds = view.shown.map(({ at, from }) => ({ at, from, source: from }));
  const base: BaseTree = { key: "bare", layers: [], binds, environment: hostEnvironment(view) };
  const options = wallsFor(request, "plain", base, "/workspace", [], {});
  const [program, ...rest] = [...enterFor(request, idsOfCaller(), undefined), "bwrap", ...options, "--"];
  const bare: Bare = (...argv) => run(program as string, [...rest, ...argv], directory);
  await bare("true").catch((error: Error) => {
    throw new CannotRun(`bare bwrap does not run here: ${error.message}`);
  });
  return bare;
}

const request: ExecRequest = {
  argv: ["true"],
  cwd: "/workspace",
  sandbox: Symbol("bare"),
  user: "sandbox",
  env: {},
  secrets: {},
  network: "off",
  limits: {},
  caches: {},
};

/** Runs a program on the host and waits until it has ended and its output is read. */
export function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stdout.resume();
    child.stderr.on("data", (bytes) => {
      said = `${said}${bytes}`.slice(-2000);
    });
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`${program}: exit code ${code}: ${said.trim()}`)),
    );
  });
}
