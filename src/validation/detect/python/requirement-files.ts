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
  return parseRequirements(text.replace(/\\\r?\n/g, " ").split(/\r?\n/), ownName, path);
}

/** Whether pip wants a hash of everything that stands beside what is in it. */
export function hasHashes(project: Project, path: string): boolean {
  return /--hash[ =]/.test(project.read(path) ?? "");
}
