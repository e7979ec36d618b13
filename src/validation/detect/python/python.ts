import type { Detected, Found } from "../detected.js";
import { Hints } from "../hints.js";
import type { Project } from "../project.js";
import { fromRoot, subprojects } from "../subprojects.js";
import { has, tableAt } from "../text.js";
import { pythonChecks } from "./checks.js";
import { type Chosen, choosePlaces } from "./choose.js";
import { readDeclared } from "./declared.js";
import { type Expand, expander } from "./expand.js";
import { installWithPdm, installWithPoetry, installWithUv } from "./locked.js";
import { type Manifest, readManifest } from "./manifest.js";
import { installWithPip } from "./pip.js";
import type { Declared, Place } from "./place.js";
import { hintedTargets } from "./targets.js";
import { findTests } from "./tests.js";

type Manager = "uv" | "poetry" | "pdm" | "pip";

/** pyproject.toml, setup.py, setup.cfg or requirements files: what its manager installs, and the tools in that. */
export async function detectPython(project: Project): Promise<Detected | undefined> {
  const manifest = await readManifest(project);
  if (manifest === undefined) return undefined;
  const manager = managerOf(manifest);
  const workspace = manager === "uv" ? await membersOf(manifest) : [];
  const root = partOf(manifest, manager, workspace);
  const members = root.tested ? [] : workspace.map(partOfWorkspace);
  // What only a member declares is for that member, with its configuration.
  const checks = members.length === 0 ? root.checks : partOf(manifest, manager, []).checks;
  const { declared, expand } = root;
  const chosen = {
    places: [root, ...members].flatMap((part) => part.chosen.places),
    undeclared: root.chosen.undeclared,
  };
  const install = {
    uv: () => installWithUv(manifest, chosen, expand),
    poetry: () => installWithPoetry(manifest, chosen, expand),
    pdm: () => installWithPdm(manifest, chosen, expand),
    pip: () => installWithPip(manifest, declared, chosen, expand),
  }[manager];
  return {
    language: "python",
    ...install(),
    build: [],
    checks: Object.assign({}, checks, ...members.map(({ checks }) => checks)),
  };
}

/** What is known of a project, or of a member of a workspace. */
interface Part {
  declared: Declared;
  expand: Expand;
  chosen: Chosen;
  tested: boolean;
  checks: Record<string, Found>;
}

/** @param workspace What its members declare is installed together with what it declares. */
function partOf(manifest: Manifest, manager: Manager, workspace: readonly Member[]): Part {
  const own = readDeclared(manifest);
  const shared = workspace.flatMap((member) => readDeclared(member.manifest).places);
  const declared = { ...own, places: [...own.places, ...shared.filter(({ kind }) => kind === "group")] };
  const expand = expander(manifest, declared);
  const hints = new Hints(manifest.project);
  const tests = findTests(manifest, ownedBy(manifest));
  const readable = ["mypy", "ruff check"].filter(
    (tool) => hintedTargets(manifest, hints, tool) !== undefined,
  );
  const chosen = choosePlaces(
    declared,
    expand,
    native[manager],
    tests?.needPytest ?? false,
    readable.map((tool) => tool.replace(" check", "")),
  );
  const found = Object.entries(pythonChecks(manifest, chosen, tests, hints));
  const checks = Object.fromEntries(found.map(([name, list]) => [name, inEnvironment(manager, list)]));
  return { declared, expand, chosen, tested: "test" in checks, checks };
}

interface Member {
  path: string;
  manifest: Manifest;
}

async function membersOf({ project, pyproject }: Manifest): Promise<Member[]> {
  if (!has(tableAt(pyproject, "tool", "uv"), "workspace")) return [];
  const found = subprojects(project, ["pyproject.toml"]).map(async (path) => {
    const manifest = await readManifest(project.below(path));
    return manifest === undefined ? [] : [{ path, manifest }];
  });
  return (await Promise.all(found)).flat();
}

/** Where a workspace's tests lie in its members, each of them is checked. */
function partOfWorkspace({ path, manifest }: Member): Part {
  const part = partOf(manifest, "uv", []);
  const nothing = { language: "python", setup: [], install: [], build: [] };
  return { ...part, checks: fromRoot(path, { ...nothing, checks: part.checks }).checks };
}

/** Kinds of places that the manager knows. */
const native: Record<Manager, readonly Place["kind"][]> = {
  uv: ["group", "extra"],
  poetry: ["poetry-group", "group", "extra"],
  pdm: ["group", "extra"],
  pip: ["group", "extra", "file"],
};

const starts: Record<Manager, string> = {
  uv: "uv run --no-sync ",
  poetry: "poetry run ",
  pdm: "pdm run ",
  pip: ".venv/bin/",
};

function managerOf({ project, pyproject, hasPyproject }: Manifest): Manager {
  if (!hasPyproject) return "pip";
  if (project.has("uv.lock")) return "uv";
  if (project.has("poetry.lock")) return "poetry";
  if (project.has("pdm.lock")) return "pdm";
  // Its versions and groups are of Poetry's own kind.
  const poetry = tableAt(pyproject, "tool", "poetry");
  return has(poetry, "dependencies") || has(poetry, "group") ? "poetry" : "pip";
}

/** What lies below another project's manifest is that one's. */
function ownedBy({ project }: Manifest): (file: string) => boolean {
  const others = project.files
    .filter((file) => /\/(pyproject\.toml|setup\.py)$/.test(file))
    .map((file) => file.slice(0, file.lastIndexOf("/") + 1));
  return (file) => !others.some((other) => file.startsWith(other));
}

function inEnvironment(manager: Manager, found: readonly Found[]): Found {
  return {
    run: found.map(({ run }) => `${starts[manager]}${run}`).join(" && "),
    because: found[0]?.because ?? "",
  };
}
