import { posix } from "node:path";
import type { Found } from "../detected.js";
import type { Project } from "../project.js";
import { matcher } from "./globs.js";
import { jsonWithComments } from "./jsonc.js";
import type { Manager } from "./manager.js";
import { listOf, type Manifest, mapOf } from "./manifest.js";

/** What checks types on its way, and what compiles files that tsc does not know. */
const checksTypes =
  /\b(vue-tsc|tsc|svelte-check|astro check|nuxi typecheck|next build|ng build|react-scripts build|tsdx)\b/;
const ownCompilers = ["svelte", "astro", "nuxt", "@angular/core", "ember-source"];
/** Beside it a tsconfig.json that names no files takes in examples and benchmarks, which may need what is not there. */
const ofTheBuild = /^tsconfig\.(build|dts|types|dist|lib|prod|production|release)\.json$/;
const MOST_BASES = 10;

/** What a tsconfig.json and those that it extends say of the files of its project. */
interface Inputs {
  files: string[] | undefined;
  include: string[] | undefined;
  hasReferences: boolean;
  allowJs: boolean;
  /** A file that it extends and that is not there: something generates it. */
  missing: string | undefined;
}

/** `tsc` where the project's own tsconfig.json is a whole project and no script runs it; else why not. */
export function typecheckOf(
  project: Project,
  { scripts, dependencies }: Manifest,
  { isWorkspace, manager }: { isWorkspace: boolean; manager: Manager },
): { found: Found } | { leftOut: string } | undefined {
  if (!("typescript" in dependencies) || !project.has("tsconfig.json")) return undefined;
  if (Object.values(scripts).some((script) => checksTypes.test(script))) return undefined;
  const [own] = ownCompilers.filter((name) => name in dependencies);
  const hasVueTsc = "vue-tsc" in dependencies;
  if (own !== undefined) return { leftOut: `tsc, as ${own} has files that it does not know` };
  if ("vue" in dependencies && !hasVueTsc) return { leftOut: "tsc, as vue has files that it does not know" };
  const inputs = inputsOf(project, "tsconfig.json");
  if (inputs === undefined) return { leftOut: "tsc, as tsconfig.json can't be read" };
  const tsc = hasVueTsc ? "vue-tsc" : "tsc";
  const found = (options: string, because: string) => ({
    found: { run: manager.program(`${tsc} ${options}`), because: `${because}, and no script runs ${tsc}` },
  });
  const { files, include, hasReferences, allowJs, missing } = inputs;
  if (missing !== undefined)
    return { leftOut: `tsc, as tsconfig.json extends ${missing}, which is not there` };
  const isEmpty = files?.length === 0 && (include === undefined || include.length === 0);
  if (hasReferences && isEmpty) return found("-b", "tsconfig.json names other projects");
  if (isEmpty) return { leftOut: "tsc, as tsconfig.json names no files: it is a base of others" };
  if (isWorkspace && files === undefined && include === undefined)
    return { leftOut: "tsc, as tsconfig.json is a base of those of the workspace's packages" };
  const compiledBy = project.files.find((file) => ofTheBuild.test(file));
  if (compiledBy !== undefined && files === undefined && include === undefined)
    return {
      leftOut: `tsc, as ${compiledBy} is what is compiled, and tsconfig.json all that an editor opens`,
    };
  const isSource = allowJs ? /\.[cm]?[jt]sx?$/ : /\.[cm]?tsx?$/;
  const globs = include ?? (files === undefined ? ["**/*"] : []);
  const isIncluded = matcher(globs.flatMap((glob) => [glob, `${glob.replace(/\/$/, "")}/**`]));
  const hasFiles =
    files?.some((file) => isThere(project, file)) === true ||
    project.files.some((file) => isSource.test(file) && isIncluded(file));
  if (!hasFiles) return { leftOut: "tsc, as there is no file that tsconfig.json names" };
  return found("--noEmit", "tsconfig.json");
}

function inputsOf(project: Project, file: string, bases = 0): Inputs | undefined {
  const config = jsonWithComments(project.read(file));
  if (config === undefined) return undefined;
  const at = posix.dirname(file);
  const { extends: extended, references, files, include, compilerOptions } = mapOf(config);
  const inherited: Partial<Inputs> = {};
  for (const base of typeof extended === "string" ? [extended] : (listOf(extended) ?? [])) {
    // One of a package says how to compile, not what.
    if (!base.startsWith(".")) continue;
    const path = [base, `${base}.json`, `${base}/tsconfig.json`]
      .map((each) => posix.join(at, each))
      .find((each) => isThere(project, each));
    if (path === undefined || bases >= MOST_BASES) return { ...nothing, missing: base };
    Object.assign(inherited, definedOf(inputsOf(project, path, bases + 1) ?? nothing));
  }
  const fromHere = (paths: string[] | undefined) => paths?.map((path) => posix.join(at, path));
  const { allowJs } = mapOf(compilerOptions);
  return {
    files: fromHere(listOf(files)) ?? inherited.files,
    include: fromHere(listOf(include)) ?? inherited.include,
    hasReferences: (Array.isArray(references) ? references : []).length > 0,
    allowJs: typeof allowJs === "boolean" ? allowJs : (inherited.allowJs ?? false),
    missing: inherited.missing,
  };
}

const nothing: Inputs = {
  files: undefined,
  include: undefined,
  hasReferences: false,
  allowJs: false,
  missing: undefined,
};

function definedOf(inputs: Inputs): Partial<Inputs> {
  return Object.fromEntries(Object.entries(inputs).filter(([, value]) => value !== undefined));
}

/** A link, or what lies outside of the project, is not there. */
function isThere(project: Project, path: string): boolean {
  try {
    return !path.startsWith("..") && project.has(path);
  } catch {
    return false;
  }
}
