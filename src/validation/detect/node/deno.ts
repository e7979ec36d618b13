import type { Detected, Found } from "../detected.js";
import type { Project } from "../project.js";
import { setupFilesOf } from "../setup-files.js";
import { quoted } from "../text.js";
import { checkName, type Family, scriptsOf } from "./checks.js";
import { jsonWithComments } from "./jsonc.js";
import { missing } from "./manager.js";
import { mapOf } from "./manifest.js";
import type { Scripts } from "./scripts/command-line.js";
import { readScript } from "./scripts/looking.js";

const families: Record<string, Family> = {
  typecheck: { whole: /^(check|type-?check|check[:-]types?)$/ },
  lint: { whole: /^lint$/, parts: /^lint[:-]./ },
  fmt: { whole: /^((fmt|format)[:-]check|check[:-](fmt|format))$/ },
  test: { whole: /^tests?$/, parts: /^test[:-]./ },
};
const tests = /(^|\/)([^/]+[._])?test\.[cm]?[jt]sx?$/;

/**
 * deno.json, where Deno is what runs the project: a package of Node's can have one only to be published. Its tasks are
 * checks by the same rules as scripts are; without them its own tools are, as its config has them.
 */
export async function detectDeno(project: Project): Promise<Detected | undefined> {
  const file = ["deno.json", "deno.jsonc"].find((name) => project.has(name));
  if (file === undefined) return undefined;
  const isLocked = project.has("deno.lock");
  const config = mapOf(jsonWithComments(project.read(file)));
  const tasks = tasksOf(config.tasks);
  if (!isLocked && project.has("package.json")) return undefined;
  const { checks, leftOut } = taskChecks(tasks, file);
  const hasTests = project.files.some((each) => tests.test(each));
  const has = (kind: string) =>
    Object.keys(tasks).some((name) => families[kind]?.whole.test(name) || families[kind]?.parts?.test(name));
  const because = `${file} configures it, and has no task for it`;
  if (config.lint !== undefined && !has("lint")) checks.lint = { run: "deno lint", because };
  if (config.fmt !== undefined && !has("fmt")) checks["fmt:check"] = { run: "deno fmt --check", because };
  if (hasTests && !has("test"))
    checks.test = { run: "deno test --allow-all", because: `${file}, which has no task for its tests` };
  const install = isLocked ? "deno install --frozen" : "deno install";
  return {
    language: "deno",
    setup: [
      {
        run: `command -v deno || { ${missing(`${file} asks for deno, which is not here`)}; }`,
        because: file,
      },
      { run: install, because: isLocked ? "deno.lock" : `${file}, without a deno.lock` },
    ],
    setupFiles: ["deno.lock", "**/deno.json", "**/deno.jsonc", ...setupFilesOf.node],
    // What modules import by an address is known once they are there, and checks have no network.
    install: hasTests
      ? [{ run: "deno test --no-run --no-check", because: "brings what its tests import by an address" }]
      : [],
    build:
      tasks.build === undefined ? [] : [{ run: "deno task build", because: `the task "build" of ${file}` }],
    checks,
    leftOut,
  };
}

function taskChecks(tasks: Scripts, file: string): { checks: Record<string, Found>; leftOut: string[] } {
  const checks: Record<string, Found> = {};
  const leftOut: string[] = [];
  for (const name of Object.values(families).flatMap((family) => scriptsOf(family, tasks))) {
    const reading = readScript(name, tasks);
    if (reading.kind === "looks")
      checks[checkName(name)] = {
        run: `deno task ${quoted(name)}`,
        because: `the task "${name}" of ${file}`,
      };
    else if (reading.instead !== undefined)
      checks[checkName(name)] = {
        run: reading.instead,
        because: `the task "${name}" of ${file}, without what makes it ${reading.kind === "writes" ? "write" : "go on for ever"}`,
      };
    else leftOut.push(`the task "${name}" of ${file}, as it ${reading.kind}`);
  }
  return { checks, leftOut };
}

/** A task is a command, or a map with one. */
function tasksOf(value: unknown): Scripts {
  return Object.fromEntries(
    Object.entries(mapOf(value)).flatMap(([name, task]) => {
      const command = typeof task === "string" ? task : mapOf(task).command;
      return typeof command === "string" ? [[name, command]] : [];
    }),
  );
}
