import type { Project } from "../project.js";
import type { Manager } from "./manager.js";
import type { Manifest } from "./manifest.js";

/** What installing reads beside manifests and lockfiles: packages that lie in the project, and patches. */
export function localSetupFiles(
  project: Project,
  { kind }: Manager,
  packages: readonly Manifest[],
): string[] {
  const members = new Set(packages.map(({ at }) => at));
  const paths = new Set(packages.flatMap(({ localPaths }) => localPaths));
  return [...paths].flatMap((path) => {
    if (members.has(path)) return [];
    // What is no directory is a tarball or a patch.
    if (!project.files.some((file) => file.startsWith(`${path}/`))) return [path];
    // npm only links it, for which its manifest is enough; the others copy it.
    return kind === "npm" && !hasLifecycle(project, path) ? [] : [`${path}/**`];
  });
}

function hasLifecycle(project: Project, at: string): boolean {
  return /"(pre|post)?(install|prepare)"/.test(project.read(`${at}/package.json`) ?? "");
}
