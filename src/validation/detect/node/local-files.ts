import type { Project } from "../project.js";
import { setupFilesOf } from "../setup-files.js";
import type { Manager } from "./manager.js";
import type { Manifest } from "./manifest.js";

/** What npm runs of a directory that it only links. */
const lifecycle = /"(pre|post)?(install|prepare)"/;

/**
 * What setup sees where installing reads more than manifests and lockfiles: packages that lie in the project, and
 * patches. Undefined where it does not.
 */
export function localSetupFiles(
  project: Project,
  { kind }: Manager,
  packages: readonly Manifest[],
): string[] | undefined {
  const local = localPaths(packages).filter((path) => {
    const manifest = project.read(`${path}/package.json`);
    // For npm its manifest is enough else; the others copy it.
    return manifest === undefined || kind !== "npm" || lifecycle.test(manifest);
  });
  return local.length === 0 ? undefined : [...setupFilesOf.node, ...local];
}

/** Whether programs of dependencies are files of the project: there is nothing to link before its sources are there. */
export function hasLocalPrograms(project: Project, packages: readonly Manifest[]): boolean {
  return (
    packages.slice(1).some(({ hasBin }) => hasBin) ||
    localPaths(packages).some((path) => project.read(`${path}/package.json`)?.includes('"bin"'))
  );
}

/** Without the packages of the workspace, which are there anyway. */
function localPaths(packages: readonly Manifest[]): string[] {
  const members = new Set(packages.map(({ at }) => at));
  return [...new Set(packages.flatMap((each) => each.localPaths))].filter((path) => !members.has(path));
}
