import { parseYaml } from "../../config/yaml-document.js";
import type { Project } from "../project.js";
import { matcher } from "./globs.js";
import { listOf, type Manifest, mapOf, readManifest } from "./manifest.js";

/** Of a workspace with more packages, the first count. */
const MOST_MEMBERS = 500;
/** What lists globs and versions has no more; a parser of YAML can take long over what is meant to be slow. */
const MOST_YAML_BYTES = 64 * 1024;

/** The packages of a workspace, in the order of their paths; none where the project is no workspace. */
export async function workspaceMembers(project: Project, root: Manifest): Promise<Manifest[]> {
  const globs = await workspaceGlobs(project, root);
  const isIncluded = matcher(globs.filter((glob) => !glob.startsWith("!")));
  const isExcluded = matcher(globs.filter((glob) => glob.startsWith("!")).map((glob) => glob.slice(1)));
  return project.files
    .filter((file) => file.endsWith("/package.json"))
    .map((file) => file.slice(0, -"/package.json".length))
    .filter((path) => isIncluded(path) && !isExcluded(path))
    .slice(0, MOST_MEMBERS)
    .flatMap((path) => readManifest(project, path) ?? []);
}

async function workspaceGlobs(project: Project, root: Manifest): Promise<readonly string[]> {
  const ofPnpm = await yamlOf(project, "pnpm-workspace.yaml");
  return (ofPnpm === undefined ? root.workspaces : listOf(ofPnpm.packages)) ?? [];
}

/** Undefined where there is none; what can't be read is empty: the manager that reads it says what is wrong. */
export async function yamlOf(
  project: Project,
  file: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const text = project.read(file);
  if (text === undefined) return undefined;
  if (text.length > MOST_YAML_BYTES) return {};
  try {
    const { document } = await parseYaml(text, file);
    return mapOf(document.toJS({ maxAliasCount: 0 }));
  } catch {
    return {};
  }
}
