import { join, posix } from "node:path";
import { invalid } from "../../config/invalid.js";
import type { Project } from "../project.js";
import type { Scripts } from "./scripts/command-line.js";

/** What a package.json says, as far as it is of the right shape. */
export interface Manifest {
  /** Of the package, below the project; "" is the project itself. */
  at: string;
  name: string | undefined;
  scripts: Scripts;
  /** By name: the versions that it asks for, of whatever kind of dependency. */
  dependencies: Readonly<Record<string, string>>;
  workspaces: readonly string[] | undefined;
  hasBin: boolean;
  /** As `packageManager` or `devEngines` names it: "pnpm@9.1.0+sha512.…". */
  packageManager: string | undefined;
  /** Files and directories of the project that installing reads: local packages, patches. */
  localPaths: readonly string[];
}

/** @throws SandboxError INVALID_ARGUMENT for what is not valid JSON, or no regular file. */
export function readManifest(project: Project, at: string): Manifest | undefined {
  const file = posix.join(at, "package.json");
  const text = project.read(file);
  if (text === undefined) return undefined;
  const manifest = mapOf(parse(text, join(project.directory, file)));
  const dependencies = Object.assign(
    {},
    ...["peerDependencies", "optionalDependencies", "devDependencies", "dependencies"].map((key) =>
      stringsOf(manifest[key]),
    ),
  ) as Record<string, string>;
  const { name, packageManager, workspaces, bin } = manifest;
  return {
    at,
    name: typeof name === "string" ? name : undefined,
    scripts: stringsOf(manifest.scripts),
    dependencies,
    workspaces: listOf(Array.isArray(workspaces) ? workspaces : mapOf(workspaces).packages),
    hasBin: typeof bin === "string" || Object.keys(mapOf(bin)).length > 0,
    packageManager: typeof packageManager === "string" ? packageManager : ofDevEngines(manifest),
    localPaths: localPathsOf(manifest, dependencies, at),
  };
}

function ofDevEngines(manifest: Readonly<Record<string, unknown>>): string | undefined {
  const engines = mapOf(manifest.devEngines).packageManager;
  const { name, version } = mapOf(Array.isArray(engines) ? engines[0] : engines);
  if (typeof name !== "string") return undefined;
  return typeof version === "string" ? `${name}@${version}` : name;
}

function localPathsOf(
  manifest: Readonly<Record<string, unknown>>,
  dependencies: Readonly<Record<string, string>>,
  at: string,
): string[] {
  const patched = [manifest.patchedDependencies, mapOf(manifest.pnpm).patchedDependencies].flatMap(
    (patches) => Object.values(stringsOf(patches)),
  );
  const local = Object.values(dependencies).flatMap((version) => {
    const [, path] = /^(?:file|portal|link):(?:\/\/)?([^#:]+)/.exec(version) ?? [];
    return path === undefined ? [] : [path];
  });
  return [...local, ...patched].flatMap((path) => {
    const inside = posix.join(at, path.split("::")[0] ?? "").replace(/\/$/, "");
    return posix.isAbsolute(path) || /^(\.|\.\.|\.\.\/.*)$/.test(inside) ? [] : [inside];
  });
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw invalid(`${file} is not valid JSON: ${cause instanceof Error ? cause.message : cause}`, {
      path: file,
      cause,
    });
  }
}

export function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
  return isMap ? (value as Record<string, unknown>) : {};
}

export function listOf(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : undefined;
}

function stringsOf(value: unknown): Record<string, string> {
  const strings = Object.entries(mapOf(value)).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return Object.fromEntries(strings);
}
