import { invalid } from "../config/invalid.js";
import type { ConfigFile } from "../config/types.js";
import { detectGo } from "./compiled/go.js";
import { detectJava, javaManifests } from "./compiled/java.js";
import { detectRust } from "./compiled/rust.js";
import type { Detected, Found } from "./detected.js";
import { detectDeno } from "./node/deno.js";
import { detectNode } from "./node/node.js";
import { Project } from "./project.js";
import { detectPython } from "./python/python.js";
import { setupFilesOf } from "./setup-files.js";
import { fromRoot, subprojects } from "./subprojects.js";
import { listed } from "./text.js";

/** A config that was concluded from a project's files, and from which of them each of its commands was. */
export interface Detection {
  config: ConfigFile;
  because: Because;
}

/** Of each command in order, and of each check by its name. */
export interface Because {
  setup: string[];
  build: string[];
  checks: Readonly<Record<string, string>>;
  /** What looks like a check and is not run, with the reason. */
  leftOut: string[];
}

/**
 * The config of a project that brings none, from its manifests: Node, Deno, Python, Go, Rust, Maven, Gradle, also side by side and
 * in directories up to two levels down.
 *
 * @throws SandboxError INVALID_ARGUMENT when there is nothing to check.
 */
export async function detectConfig(directory: string): Promise<ConfigFile> {
  return (await detectProject(directory)).config;
}

/** The same with what each of its commands was concluded from. */
export async function detectProject(directory: string): Promise<Detection> {
  const project = Project.open(directory);
  try {
    const found = await everywhere(project);
    const checks = namedChecks(found);
    if (Object.keys(checks).length === 0) throw nothingToCheck(project, found);
    const setup = found.flatMap((detected) => detected.setup);
    const build = found.flatMap((detected) => [...detected.install, ...detected.build]);
    return {
      config: {
        ...(setup.length === 0 ? {} : { setup: { run: setup.map(({ run }) => run), ...setupFiles(found) } }),
        ...(build.length === 0 ? {} : { build: build.map(({ run }) => run) }),
        checks: Object.fromEntries(Object.entries(checks).map(([name, { run }]) => [name, run])),
      },
      because: {
        setup: setup.map(({ because }) => because),
        build: build.map(({ because }) => because),
        checks: Object.fromEntries(Object.entries(checks).map(([name, { because }]) => [name, because])),
        leftOut: found.flatMap(({ leftOut = [] }) => leftOut),
      },
    };
  } finally {
    project.close();
  }
}

interface Language {
  manifests: readonly string[];
  detect(project: Project): Promise<Detected | undefined>;
}

const languages: readonly Language[] = [
  { manifests: ["package.json"], detect: detectNode },
  { manifests: ["deno.json", "deno.jsonc"], detect: detectDeno },
  { manifests: ["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt"], detect: detectPython },
  { manifests: ["go.mod", "go.work"], detect: detectGo },
  { manifests: ["Cargo.toml"], detect: detectRust },
  { manifests: javaManifests, detect: detectJava },
];

/** A language is looked for further down where the root does not test it: a root that does tests its parts, too. */
async function everywhere(project: Project): Promise<Detected[]> {
  const roots: Detected[] = [];
  const below: Detected[] = [];
  for (const { manifests, detect } of languages) {
    const root = await detect(project);
    if (root !== undefined) roots.push(root);
    if (root !== undefined && testsItsParts(root)) continue;
    for (const path of subprojects(project, manifests)) {
      if (root?.parts?.includes(path)) continue;
      const found = await detect(project.below(path));
      if (found !== undefined && Object.keys(found.checks).length > 0) below.push(fromRoot(path, found));
    }
  }
  // What is only installed serves no check: a project for its docs, say.
  const useful = [...roots, ...below].filter(
    ({ checks, build }) => Object.keys(checks).length > 0 || build.length > 0,
  );
  return useful.length > 0 ? useful : roots;
}

function testsItsParts({ checks }: Detected): boolean {
  return Object.keys(checks).some((name) => /(^|[-:])test/.test(name));
}

function namedChecks(found: readonly Detected[]): Record<string, Found> {
  const checks: Record<string, Found> = {};
  for (const detected of found) {
    for (const [name, check] of Object.entries(detected.checks)) {
      const free = [name, `${detected.language}-${name}`].map(short).find((wanted) => !(wanted in checks));
      checks[free ?? short(`${Object.keys(checks).length}-${name}`)] = check;
    }
  }
  return checks;
}

/** What the name of a check may have. */
function short(name: string): string {
  return name
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(-64)
    .replace(/^[^A-Za-z0-9]+/, "");
}

/** Of what is installed here, the files that it reads. */
function setupFiles(found: readonly Detected[]): { files?: string[] } {
  const installed = found.filter(({ setup }) => setup.length > 0);
  if (installed.every((detected) => detected.setupFiles === undefined)) return {};
  const files = installed.flatMap(({ setupFiles }) => setupFiles ?? setupFilesOf.node);
  return { files: files.includes("**") ? ["**"] : [...new Set(files)] };
}

function nothingToCheck(project: Project, found: readonly Detected[]): Error {
  const [left] = found.flatMap(({ leftOut = [] }) => leftOut);
  const what =
    found.length > 0
      ? `no typecheck, lint or test in its ${listed(found.map(({ language }) => language))} project${left === undefined ? "" : ` (left out: ${left})`}`
      : "no package.json, deno.json, pyproject.toml, requirements.txt, setup.py, go.mod, Cargo.toml, pom.xml or build.gradle";
  return invalid(
    `nothing to check in ${project.directory}: there is no forkbox.yaml, and ${what}. ` +
      "Write a forkbox.yaml with a `checks:` map, or give --config FILE.",
    { path: project.directory },
  );
}
