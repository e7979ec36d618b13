import type { Detected, Found } from "../detected.js";
import type { Project } from "../project.js";
import { checkName, scriptChecks } from "./checks.js";
import { installing } from "./install.js";
import { localSetupFiles } from "./local-files.js";
import { type Manager, managerOf } from "./manager.js";
import { type Manifest, readManifest } from "./manifest.js";
import { workspaceMembers } from "./members.js";
import { readScript } from "./scripts/looking.js";
import { testsWithoutScript } from "./tests.js";
import { typecheckOf } from "./typescript.js";

/** package.json: its package manager, its lifecycle, its build and its checks, by what its scripts run. */
export async function detectNode(project: Project): Promise<Detected | undefined> {
  const root = readManifest(project, "");
  if (root === undefined) return undefined;
  const members = await workspaceMembers(project, root);
  const manager = await managerOf(project, root);
  const { checks, leftOut } = scriptChecks(root, members, manager);
  const isTypechecked = Object.keys(checks).some((name) => /type|tsc|^check$/.test(name));
  const typecheck = isTypechecked
    ? undefined
    : typecheckOf(project, root, { isWorkspace: members.length > 0, manager });
  const test = Object.keys(checks).some((name) => /^tests?\b/.test(name))
    ? undefined
    : testsWithoutScript(project, manager, members);
  const { setup, install } = installing(project, manager, root, members);
  const setupFiles = localSetupFiles(project, manager, [root, ...members]);
  const { build, endless } = buildOf(manager, root, members);
  return {
    language: "node",
    parts: members.map(({ at }) => at),
    setup,
    ...(setup.length > 0 && setupFiles !== undefined ? { setupFiles } : {}),
    install,
    build,
    checks: {
      ...(typecheck !== undefined && "found" in typecheck ? { typecheck: typecheck.found } : {}),
      ...checks,
      ...(test === undefined ? {} : { [checkName("test")]: test }),
    },
    leftOut: [
      ...leftOut,
      ...(typecheck !== undefined && "leftOut" in typecheck ? [typecheck.leftOut] : []),
      ...endless,
    ],
  };
}

function buildOf(
  manager: Manager,
  { scripts }: Manifest,
  members: readonly Manifest[],
): { build: Found[]; endless: string[] } {
  if (scripts.build !== undefined) {
    const reading = readScript(
      "build",
      scripts,
      members.map((member) => member.scripts),
    );
    return reading.kind === "never ends"
      ? { build: [], endless: ['the script "build" of package.json, as it never ends'] }
      : {
          build: [{ run: manager.run("build"), because: 'the script "build" of package.json' }],
          endless: [],
        };
  }
  const built = members.filter(
    (member) =>
      member.scripts.build !== undefined && readScript("build", member.scripts).kind !== "never ends",
  );
  if (built.length === 0) return { build: [], endless: [] };
  const because = 'the script "build" of packages of the workspace, which the project has none for';
  return { build: [{ run: manager.runEverywhere("build", built), because }], endless: [] };
}
