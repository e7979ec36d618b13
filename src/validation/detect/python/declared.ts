import { has, stringsOf, tableAt, tableOf } from "../text.js";
import { hintedPlaces } from "./hinted.js";
import type { Manifest } from "./manifest.js";
import type { Declared, Place } from "./place.js";
import { parseRequirements, type Requirement } from "./requirement.js";
import { requirementFiles, requirementsOfFile } from "./requirement-files.js";
import { setupPyDependencies } from "./setup-py.js";

/** Everywhere that dependencies may stand, the more binding place first. */
export function readDeclared(manifest: Manifest): Declared {
  const { pyproject, setupCfg, name } = manifest;
  const project = tableAt(pyproject, "project");
  const dynamic = stringsOf(project.dynamic);
  const fromPy = setupPyDependencies(manifest.setupPy ?? "", name);
  const cfg = lines(setupCfg.get("options")?.get("install_requires"));
  const main = [
    ...parseRequirements(stringsOf(project.dependencies), name),
    ...(dynamic.includes("dependencies") ? dynamicFiles(manifest, "dependencies") : []),
    ...parseRequirements(cfg, name),
    ...fromPy.main,
    ...poetryNames(tableAt(pyproject, "tool", "poetry", "dependencies")),
  ];
  const setupSays = manifest.setupPy !== undefined && !has(pyproject, "project");
  const isDynamic =
    (dynamic.includes("dependencies") && main.length === 0) ||
    (setupSays && cfg.length === 0 && !fromPy.isLiteral);
  return {
    main,
    isDynamic,
    places: [...groups(manifest), ...extras(manifest, fromPy.extras), ...others(manifest, fromPy)],
  };
}

function groups({ pyproject, name }: Manifest): Place[] {
  const place = (
    kind: Place["kind"],
    group: string,
    requirements: Requirement[],
    optional: boolean,
  ): Place => ({
    ...{ kind, name: group, requirements, optional },
    said: `the group ${group} of pyproject.toml`,
  });
  const defaults = tableAt(pyproject, "tool", "uv")["default-groups"];
  const standard = plainEntries(tableAt(pyproject, "dependency-groups")).map(([group, list]) => {
    const optional =
      defaults === "all" ? false : !(Array.isArray(defaults) ? defaults : ["dev"]).includes(group);
    return place("group", group, groupEntries(list, name), optional);
  });
  const uvDev = stringsOf(tableAt(pyproject, "tool", "uv")["dev-dependencies"]);
  const pdm = plainEntries(tableAt(pyproject, "tool", "pdm", "dev-dependencies"));
  const poetry = plainEntries(tableAt(pyproject, "tool", "poetry", "group"));
  const poetryDev = tableAt(pyproject, "tool", "poetry", "dev-dependencies");
  return [
    ...standard,
    ...(uvDev.length === 0 ? [] : [place("group", "dev", parseRequirements(uvDev, name), false)]),
    ...pdm.map(([group, list]) => place("group", group, parseRequirements(stringsOf(list), name), false)),
    ...poetry.map(([group, table]) =>
      place(
        "poetry-group",
        group,
        poetryNames(tableAt(table, "dependencies")),
        tableOf(table).optional === true,
      ),
    ),
    ...(Object.keys(poetryDev).length === 0
      ? []
      : [place("poetry-group", "dev", poetryNames(poetryDev), false)]),
  ];
}

function extras(manifest: Manifest, fromPy: Record<string, Requirement[]>): Place[] {
  const { pyproject, setupCfg, name } = manifest;
  const cfg = [...(setupCfg.get("options.extras_require") ?? new Map<string, string>())];
  const dynamic = tableAt(pyproject, "tool", "setuptools", "dynamic", "optional-dependencies");
  const found: [string, string, Requirement[]][] = [
    ...plainEntries(tableAt(pyproject, "project", "optional-dependencies")).map(
      ([extra, list]): [string, string, Requirement[]] => [
        extra,
        "pyproject.toml",
        parseRequirements(stringsOf(list), name),
      ],
    ),
    ...plainEntries(dynamic).map(([extra, table]): [string, string, Requirement[]] => [
      extra,
      "pyproject.toml",
      filesOf(manifest, tableOf(table).file),
    ]),
    ...cfg
      .filter(([extra]) => isName(extra))
      .map(([extra, text]): [string, string, Requirement[]] => [
        extra,
        "setup.cfg",
        parseRequirements(lines(text), name),
      ]),
    ...Object.entries(fromPy).map(([extra, list]): [string, string, Requirement[]] => [
      extra,
      "setup.py",
      list,
    ]),
    // Poetry's name what is among its dependencies anyway.
    ...plainEntries(tableAt(pyproject, "tool", "poetry", "extras")).map(
      ([extra, list]): [string, string, Requirement[]] => [
        extra,
        "pyproject.toml",
        parseRequirements(stringsOf(list), name),
      ],
    ),
  ];
  return found.map(([extra, file, requirements]) => ({
    ...{ kind: "extra", name: extra, requirements, optional: true },
    said: `the extra ${extra} of ${file}`,
  }));
}

function others(manifest: Manifest, fromPy: { tests: Requirement[] }): Place[] {
  const { project, name, setupCfg } = manifest;
  const tests = [
    ...fromPy.tests,
    ...parseRequirements(lines(setupCfg.get("options")?.get("tests_require")), name),
  ];
  return [
    ...requirementFiles(project).map(
      (path): Place => ({
        ...{ kind: "file", name: path, said: path, optional: true },
        requirements: requirementsOfFile(project, path, name),
      }),
    ),
    ...(tests.length === 0
      ? []
      : [
          {
            kind: "hint",
            name: "tests",
            said: "tests_require",
            requirements: tests,
            optional: true,
          } as const,
        ]),
    ...hintedPlaces(manifest),
  ];
}

function groupEntries(list: unknown, name: string | undefined): Requirement[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((item): Requirement[] => {
    if (typeof item === "string") return parseRequirements([item], name);
    const included = tableOf(item)["include-group"];
    return typeof included === "string" ? [{ kind: "group", name: included }] : [];
  });
}

/** setuptools may be told to read them from files. */
function dynamicFiles(manifest: Manifest, key: string): Requirement[] {
  return filesOf(manifest, tableAt(manifest.pyproject, "tool", "setuptools", "dynamic", key).file);
}

function filesOf({ project, name }: Manifest, file: unknown): Requirement[] {
  const paths = typeof file === "string" ? [file] : stringsOf(file);
  return paths
    .flatMap((path) => parseRequirements([`-r ${path}`], name))
    .flatMap((requirement) =>
      requirement.kind === "file" ? requirementsOfFile(project, requirement.path, name) : [],
    );
}

/** Poetry's tables have versions of its own kind: only the names tell something here. */
function poetryNames(table: object): Requirement[] {
  return parseRequirements(Object.keys(table).filter((name) => name !== "python"));
}

function plainEntries(table: object): [string, unknown][] {
  return Object.entries(table).filter(([name]) => isName(name));
}

function isName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);
}

function lines(text: string | undefined): string[] {
  return (text ?? "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
