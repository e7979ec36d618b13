import type { Project } from "../project.js";
import { parseRequirements, type Requirement } from "./requirement.js";

/** Files that pip is given by convention: at the root, or in requirements/. */
export function requirementFiles(project: Project): string[] {
  return project.files.filter((path) =>
    /^(requirements([-_.][\w.-]+)?\.txt|[\w.-]+[-_.]requirements\.txt|requirements\/[\w.-]+\.txt)$/.test(
      path,
    ),
  );
}

/** Its lines; those of the files that it includes are behind their names. */
export function requirementsOfFile(
  project: Project,
  path: string,
  ownName: string | undefined,
): Requirement[] {
  const text = project.read(path);
  if (text === undefined) return [];
  return parseRequirements(text.replace(/\\\r?\n/g, " ").split(/\r?\n/), ownName).map((requirement) =>
    requirement.kind === "file" || requirement.kind === "constraint"
      ? { ...requirement, path: relative(path, requirement.path) }
      : requirement,
  );
}

/** Whether pip wants a hash of everything that stands beside what is in it. */
export function hasHashes(project: Project, path: string): boolean {
  return /--hash[ =]/.test(project.read(path) ?? "");
}

/** pip looks for them beside the file that names them. */
function relative(from: string, path: string): string {
  const slash = from.lastIndexOf("/");
  return slash === -1 ? path : `${from.slice(0, slash + 1)}${path}`;
}
