import { invalid } from "../config/invalid.js";
import type { ConfigFile } from "../config/types.js";
import { detectCargo, detectGo } from "./compiled.js";
import type { Detected } from "./detected.js";
import { detectDeno } from "./node/deno.js";
import { detectNode } from "./node/node.js";
import { Project } from "./project.js";
import { detectPython } from "./python.js";
import { defaultSetupFiles } from "./setup-files.js";

/**
 * The config of a project that brings none, from its manifests: Node, Python, Go, Rust, also side by side.
 *
 * @throws SandboxError INVALID_ARGUMENT when there is nothing to check.
 */
export async function detectConfig(directory: string): Promise<ConfigFile> {
  const detectors = [detectPython, detectGo, detectCargo];
  const project = Project.open(directory);
  const node = [detectNode, detectDeno].map((detect) => detect(project));
  const all = await Promise.all([...node, ...detectors.map((detect) => detect(directory))]).finally(() =>
    project.close(),
  );
  const found = all.filter((detected) => detected !== undefined);
  const checks: Record<string, string> = {};
  for (const detected of found) {
    for (const [name, { run }] of Object.entries(detected.checks)) {
      checks[name in checks ? `${detected.language}-${name}` : name] = run;
    }
  }
  if (Object.keys(checks).length === 0) {
    const [left] = found.flatMap(({ leftOut }) => leftOut ?? []);
    const what =
      found.length === 0
        ? "no package.json, deno.json, pyproject.toml, requirements.txt, setup.py, go.mod or Cargo.toml"
        : `no typecheck, lint or test in its ${found.map(({ language }) => language).join(" and ")} project${left === undefined ? "" : ` (left out: ${left})`}`;
    throw invalid(
      `nothing to check in ${directory}: there is no forkbox.yaml, and ${what}. ` +
        "Write a forkbox.yaml with a `checks:` map, or give --config FILE.",
      { path: directory },
    );
  }
  const setup = found.flatMap((detected) => detected.setup.map(({ run }) => run));
  const build = found.flatMap(({ install, build }) => [...install, ...build].map(({ run }) => run));
  return {
    ...(setup.length === 0 ? {} : { setup: { run: setup, ...setupFiles(found) } }),
    ...(build.length === 0 ? {} : { build }),
    checks,
  };
}

/** One language that needs more than the default decides for all of them. */
function setupFiles(found: readonly Detected[]): { files?: string[] } {
  const named = found.flatMap((detected) => detected.setupFiles ?? []);
  if (named.length === 0) return {};
  if (named.includes("**")) return { files: ["**"] };
  return { files: [...new Set([...defaultSetupFiles, ...named])] };
}
