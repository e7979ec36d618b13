import type { Expand } from "./expand.js";
import type { Declared, Place } from "./place.js";
import type { Requirement } from "./requirement.js";

/** What is installed beside a project's own dependencies, and which tools that brings. */
export interface Chosen {
  places: Place[];
  /** Where each tool stands, for comments. */
  tools: Map<string, string>;
  /** Tests need it and nothing declares it. */
  undeclared: string[];
}

const developers =
  /(^|[-_./])(dev|devel|develop|development|developer|tests?|testing|pytest|unittests?|ci)($|[-_./])/i;

/**
 * The places that hold the tools, with those that are for developers and tests by their names: tests import what
 * stands there. Tools that nothing declares are not run, but for pytest where tests can't do without it. Those that
 * only an environment of tox, nox or hatch has are run where it can be read how.
 *
 * @param native Kinds that the project's manager installs by itself.
 * @param readable Tools of which the project's automation says plainly how they are called.
 */
export function choosePlaces(
  declared: Declared,
  expand: Expand,
  native: readonly Place["kind"][],
  needsPytest: boolean,
  readable: readonly string[],
): Chosen {
  const places = declared.places.filter(
    (place) => native.includes(place.kind) && (!place.optional || isForDevelopers(place)),
  );
  const tools = new Map<string, string>();
  const undeclared: string[] = [];
  for (const tool of ["pytest", "mypy", "ruff"]) {
    const holds = (requirements: readonly Requirement[]) =>
      expand(requirements).packages.some(
        ({ name }) => name === tool || (tool === "pytest" && /^pytest-/.test(name)),
      );
    const found = places.find(({ requirements }) => holds(requirements));
    if (found !== undefined) tools.set(tool, found.said);
    else if (holds(declared.main)) tools.set(tool, "the project's dependencies");
    else if (tool !== "pytest" || needsPytest) {
      const other = declared.places.find(
        ({ kind, requirements }) =>
          holds(requirements) && (kind !== "hint" || tool === "pytest" || readable.includes(tool)),
      );
      if (other !== undefined) places.push(other);
      if (other !== undefined) tools.set(tool, other.said);
      else if (tool === "pytest") undeclared.push(tool);
    }
  }
  return { places, tools, undeclared };
}

function isForDevelopers({ kind, name }: Place): boolean {
  if (kind === "hint") return false;
  return kind === "file"
    ? name === "requirements.txt" || developers.test(name.replace(/\.txt$/, ""))
    : developers.test(name);
}
