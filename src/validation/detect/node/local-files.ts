import type { Project } from "../project.js";
import type { Manager } from "./manager.js";
import type { Manifest } from "./manifest.js";

const lifecycle = /"(pre|post)?(install|prepare)"/;

/** What installing reads beside manifests and lockfiles: packages that lie in the project, and patches. */
export function localSetupFiles(
  project: Project,
  { kind }: Manager,
  packages: readonly Manifest[],
): string[] {
  const members = new Set(packages.map(({ at }) => at));
  const paths = new Set(packages.flatMap(({ localPaths }) => localPaths));
  return [...paths].filter((path) => {
    if (members.has(path)) return false;
    const manifest = project.read(`${path}/package.json`);
    // npm only links a directory, for which its manifest is enough; the others copy it.
    return manifest === undefined || kind !== "npm" || lifecycle.test(manifest);
  });
}
