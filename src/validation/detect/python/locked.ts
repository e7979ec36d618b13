import type { Detected, Found } from "../detected.js";
import { has, listed, quoted, tableAt } from "../text.js";
import { isPackage } from "./checks.js";
import type { Chosen } from "./choose.js";
import type { Expand } from "./expand.js";
import type { Manifest } from "./manifest.js";
import type { Place } from "./place.js";

type Installing = Pick<Chosen, "places" | "undeclared">;
type Installed = Pick<Detected, "setup" | "setupFiles" | "install">;

/** uv.lock */
export function installWithUv(manifest: Manifest, chosen: Installing, expand: Expand): Installed {
  const { pyproject, project } = manifest;
  const uv = tableAt(pyproject, "tool", "uv");
  const isWorkspace = has(uv, "workspace");
  const flags = [
    ...(isWorkspace ? ["--all-packages"] : []),
    ...asked(chosen, "group").map((name) => `--group ${name}`),
    ...asked(chosen, "extra").map((name) => `--extra ${name}`),
  ].join(" ");
  const more = beside(chosen, expand);
  const sync = (option: string) =>
    ["uv sync --frozen", option, flags].filter((word) => word !== "").join(" ");
  const paths = Object.entries(tableAt(uv, "sources")).filter(
    ([name, source]) => has(source, "path") && /^[\w.-]+$/.test(name),
  );
  const left = [
    isWorkspace ? "--no-install-workspace" : "--no-install-project",
    ...paths.map(([name]) => `--no-install-package ${name}`),
  ].join(" ");
  const hasOwn =
    isWorkspace || paths.length > 0 || (isPackageOf(manifest) && uv.package !== false) || uv.package === true;
  const because = said("uv.lock", chosen);
  return {
    setup: [
      { run: sync(hasOwn ? left : ""), because },
      ...more.map((found) => ({ ...found, run: `uv pip install ${found.run}` })),
    ],
    setupFiles: [
      "pyproject.toml",
      "uv.lock",
      "uv.toml",
      ".python-version",
      ...(isWorkspace || paths.length > 0 ? manifests(project.files) : []),
    ],
    // Without --inexact it takes away again what is not in the lockfile.
    install: hasOwn
      ? [{ run: sync(more.length === 0 ? "" : "--inexact"), because: "the project itself" }]
      : [],
  };
}

/** poetry.lock, or a [tool.poetry] that only Poetry reads. */
export function installWithPoetry(manifest: Manifest, chosen: Installing, expand: Expand): Installed {
  const { pyproject, project } = manifest;
  const groups = [
    ...asked(chosen, "poetry-group"),
    ...asked(chosen, "group").filter((name) => name !== "dev"),
  ];
  const flags = [
    ...(groups.length === 0 ? [] : [`--with ${groups.join(",")}`]),
    ...asked(chosen, "extra").map((name) => `--extras ${name}`),
  ].join(" ");
  const isOwn = tableAt(pyproject, "tool", "poetry")["package-mode"] !== false;
  const locked = project.has("poetry.lock");
  return {
    setup: [
      {
        run: `POETRY_VIRTUALENVS_IN_PROJECT=1 poetry install --no-interaction --no-root ${flags}`.trim(),
        because: said(locked ? "poetry.lock" : "[tool.poetry] of pyproject.toml", chosen),
      },
      ...beside(chosen, expand).map((found) => ({ ...found, run: `poetry run pip install ${found.run}` })),
    ],
    setupFiles: namesDirectories(manifest)
      ? ["**"]
      : ["pyproject.toml", "poetry.lock", "poetry.toml", ".python-version"],
    install: isOwn
      ? [{ run: "poetry install --no-interaction --only-root", because: "the project itself" }]
      : [],
  };
}

/** pdm.lock */
export function installWithPdm(manifest: Manifest, chosen: Installing, expand: Expand): Installed {
  const isOwn = tableAt(manifest.pyproject, "tool", "pdm").distribution !== false && isPackageOf(manifest);
  const extras = asked(chosen, "extra").map((name) => ` -G ${name}`);
  const install = `pdm install --frozen-lockfile${extras.join("")}`;
  return {
    setup: [
      { run: `${install} --no-self`, because: said("pdm.lock", chosen) },
      ...beside(chosen, expand).map((found) => ({
        ...found,
        run: `pdm run python -m ensurepip && pdm run python -m pip install ${found.run}`,
      })),
    ],
    setupFiles: namesDirectories(manifest)
      ? ["**"]
      : ["pyproject.toml", "pdm.lock", "pdm.toml", ".python-version"],
    install: isOwn ? [{ run: install, because: "the project itself" }] : [],
  };
}

/** Dependencies that lie in the project itself: their manager builds them with the others. */
function namesDirectories({ pyproject }: Manifest): boolean {
  const poetry = tableAt(pyproject, "tool", "poetry");
  const tables = [
    tableAt(poetry, "dependencies"),
    ...Object.values(tableAt(poetry, "group")).map((group) => tableAt(group, "dependencies")),
  ];
  const ofPoetry = tables
    .flatMap((table) => Object.values(table))
    .some((dependency) => has(dependency, "path"));
  return (
    ofPoetry || JSON.stringify(tableAt(pyproject, "tool", "pdm", "dev-dependencies")).includes("file:///")
  );
}

function isPackageOf(manifest: Manifest): boolean {
  return has(manifest.pyproject, "build-system") && isPackage(manifest);
}

/** Names of the places of this kind that have to be asked for. */
function asked(chosen: Installing, kind: Place["kind"]): string[] {
  const asked = chosen.places.filter((place) => place.kind === kind && place.optional);
  return [...new Set(asked.map(({ name }) => name))];
}

/** What the lockfile doesn't have: tools that only tox, nox or a requirements file name. */
function beside(chosen: Installing, expand: Expand): Found[] {
  const places = chosen.places.filter(({ kind }) => kind === "hint" || kind === "file");
  const packages = places.flatMap(({ requirements }) => expand(requirements).packages);
  const texts = [...new Set([...packages.map(({ text }) => text), ...chosen.undeclared])];
  if (texts.length === 0) return [];
  const because =
    places.length === 0 ? "tests need it, and nothing declares it" : listed(places.map(({ said }) => said));
  return [{ run: texts.map(quoted).join(" "), because }];
}

function said(lock: string, chosen: Installing): string {
  const optional = chosen.places.filter(
    (place) => place.optional && place.kind !== "hint" && place.kind !== "file",
  );
  return optional.length === 0 ? lock : `${lock}; ${listed(optional.map(({ said }) => said))}`;
}

/** Of the packages that are part of the project: reading a lockfile reads them. */
function manifests(files: readonly string[]): string[] {
  return files.filter((file) => file.endsWith("/pyproject.toml"));
}
