import type { Manifest } from "./manifest.js";
import type { Declared } from "./place.js";
import { normalized, type Requirement } from "./requirement.js";
import { requirementsOfFile } from "./requirement-files.js";

/** Requirements with all that they refer to written out. */
export interface Expanded {
  packages: { name: string; text: string }[];
  /** Requirements and constraints files that were read on the way. */
  files: string[];
  constraints: string[];
  /** It asks for the project itself, or for a part of it, which only sources can give. */
  needsSources: boolean;
  /** Such parts other than the project itself. */
  locals: string[];
}

export type Expand = (requirements: readonly Requirement[]) => Expanded;

/** Groups in groups (PEP 735), extras that name extras, files that include files. */
export function expander(manifest: Manifest, declared: Declared): Expand {
  const find = (kinds: readonly string[], name: string) =>
    declared.places
      .filter((place) => kinds.includes(place.kind) && normalized(place.name) === normalized(name))
      .flatMap(({ requirements }) => requirements);
  return (requirements) => {
    const found: Expanded = { packages: [], files: [], constraints: [], needsSources: false, locals: [] };
    const seen = new Set<string>();
    const walk = (list: readonly Requirement[]) => {
      for (const requirement of list) {
        if (requirement.kind === "self") found.needsSources = true;
        const key = JSON.stringify(requirement);
        if (seen.has(key)) continue;
        seen.add(key);
        if (requirement.kind === "package") found.packages.push(requirement);
        if (requirement.kind === "group") walk(find(["group"], requirement.name));
        if (requirement.kind === "self") {
          walk(declared.main);
          for (const extra of requirement.extras) walk(find(["extra"], extra));
        }
        if (requirement.kind === "constraint") {
          found.constraints.push(requirement.path);
          found.files.push(requirement.path);
        }
        if (requirement.kind === "file") {
          found.files.push(requirement.path);
          walk(requirementsOfFile(manifest.project, requirement.path, manifest.name));
        }
        if (requirement.kind === "local") {
          found.needsSources = true;
          found.locals.push(requirement.text);
        }
      }
    };
    walk(requirements);
    return found;
  };
}
