import { join } from "node:path";
import { hasCandidateFile, readCandidateFile, readCandidateHead } from "../config/candidate-file.js";
import { invalid } from "../config/invalid.js";
import type { Detected, Found } from "./detected.js";

interface Manifest {
  scripts: Readonly<Record<string, string>>;
  hasDependencies: boolean;
  hasTypeScript: boolean;
}

/** package.json: the package manager by its lockfile, build and checks by its scripts. */
export async function detectNode(directory: string): Promise<Detected | undefined> {
  const file = join(directory, "package.json");
  const text = await readCandidateFile(file);
  if (text === undefined) return undefined;
  const manifest = readManifest(text, file);
  const has = (name: string) => hasCandidateFile(join(directory, name));
  const manager = await packageManager(directory, has);
  const needsInstall = manager.locked || manifest.hasDependencies;
  const run = (script: string): Found => ({
    run: `${manager.name} run ${quoted(script)}`,
    because: `the script "${script}" of package.json`,
  });
  const checks: Record<string, Found> = Object.fromEntries(
    checkScripts(manifest.scripts).map((name) => [checkName(name), run(name)]),
  );
  if (!("typecheck" in checks) && (await wantsTypecheck(manifest, has))) {
    checks.typecheck = {
      run: "node_modules/.bin/tsc --noEmit",
      because: "tsconfig.json, and no script runs tsc",
    };
  }
  return {
    language: "node",
    setup: needsInstall ? [{ run: manager.install, because: manager.because }] : [],
    ...(needsInstall && installReadsSources(manifest.scripts) ? { setupFiles: ["**"] } : {}),
    install: [],
    build: manifest.scripts.build === undefined ? [] : [run("build")],
    checks,
  };
}

function readManifest(text: string, file: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(`${file} is not valid JSON: ${cause instanceof Error ? cause.message : cause}`, {
      path: file,
      cause,
    });
  }
  const manifest = mapOf(json);
  const scripts = Object.entries(mapOf(manifest.scripts)).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  const dependencies = ["dependencies", "devDependencies", "optionalDependencies"].flatMap((key) =>
    Object.keys(mapOf(manifest[key])),
  );
  return {
    scripts: Object.fromEntries(scripts),
    hasDependencies: dependencies.length > 0 || manifest.workspaces !== undefined,
    hasTypeScript: dependencies.includes("typescript"),
  };
}

interface Manager {
  name: "npm" | "pnpm" | "yarn" | "bun";
  install: string;
  because: string;
  /** There is a lockfile. */
  locked: boolean;
}

async function packageManager(directory: string, has: (name: string) => Promise<boolean>): Promise<Manager> {
  if (await has("pnpm-lock.yaml")) {
    return {
      name: "pnpm",
      install: "pnpm install --frozen-lockfile",
      because: "pnpm-lock.yaml",
      locked: true,
    };
  }
  if ((await has("bun.lock")) || (await has("bun.lockb"))) {
    return { name: "bun", install: "bun install --frozen-lockfile", because: "bun.lock", locked: true };
  }
  const yarnLock = await readCandidateHead(join(directory, "yarn.lock"), 64 * 1024);
  if (yarnLock !== undefined) {
    // Yarn 2 and later write this key at the top, and call the option differently.
    const option = yarnLock.includes("__metadata:") ? "--immutable" : "--frozen-lockfile";
    return { name: "yarn", install: `yarn install ${option}`, because: "yarn.lock", locked: true };
  }
  if ((await has("package-lock.json")) || (await has("npm-shrinkwrap.json"))) {
    return {
      name: "npm",
      install: "npm ci --no-audit --no-fund",
      because: "package-lock.json",
      locked: true,
    };
  }
  return {
    name: "npm",
    install: "npm install --no-audit --no-fund",
    because: "package.json, without a lockfile",
    locked: false,
  };
}

/** A kind of check by the names of its scripts; `parts` count only where there is no script for the whole. */
const families: readonly { whole: RegExp; parts?: RegExp }[] = [
  { whole: /^(typecheck|type-check|check-types|check:types|types:check|tsc|check)$/ },
  { whole: /^lint$/, parts: /^lint[:-]./ },
  { whole: /^(format:check|check:format|format-check)$/ },
  { whole: /^tests?$/, parts: /^test[:-]./ },
  { whole: /^smoke([:-]test)?$/ },
];
const changesOrNeverEnds = /(^|[:-])(fix|write|watch|dev|debug|ui|update|open|headed|cov|coverage)($|[:-])/;

function checkScripts(scripts: Readonly<Record<string, string>>): string[] {
  const names = Object.keys(scripts).filter(
    (name) => !changesOrNeverEnds.test(name) && !/no test specified/.test(scripts[name] ?? ""),
  );
  return families.flatMap(({ whole, parts }) => {
    const found = names.filter((name) => whole.test(name));
    return found.length > 0 || parts === undefined ? found : names.filter((name) => parts.test(name));
  });
}

/** `tsc` where a project has TypeScript but no script runs it. */
async function wantsTypecheck(manifest: Manifest, has: (name: string) => Promise<boolean>): Promise<boolean> {
  if (!manifest.hasTypeScript || !(await has("tsconfig.json"))) return false;
  return !Object.values(manifest.scripts).some((script) => /\b(vue-)?tsc\b/.test(script));
}

const lifecycle = [
  "preinstall",
  "install",
  "postinstall",
  "prepublish",
  "preprepare",
  "prepare",
  "postprepare",
];
const needsNoSources =
  /^(husky( install)?|patch-package|prisma generate|simple-git-hooks|lefthook install)( \|\| (true|exit 0))?$/;

/** Installing runs these scripts of the project itself: what they read is not known, so setup sees everything. */
function installReadsSources(scripts: Readonly<Record<string, string>>): boolean {
  return lifecycle.some((name) => {
    const script = scripts[name];
    return script !== undefined && !needsNoSources.test(script.trim());
  });
}

function checkName(script: string): string {
  return script.replace(/[^A-Za-z0-9._:-]/g, "-").slice(0, 64);
}

function quoted(script: string): string {
  return /^[A-Za-z0-9._:/-]+$/.test(script) ? script : `'${script.replaceAll("'", `'\\''`)}'`;
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  return isMap ? (value as Record<string, unknown>) : {};
}
