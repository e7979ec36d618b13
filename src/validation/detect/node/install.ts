import type { Found } from "../detected.js";
import type { Project } from "../project.js";
import { quoted } from "../text.js";
import { hasLocalPrograms } from "./local-files.js";
import type { Manager } from "./manager.js";
import type { Manifest } from "./manifest.js";

const duringInstall = ["preinstall", "install", "postinstall"];
const afterInstall = ["preprepare", "prepare", "postprepare"];

/** Which scripts of the project itself installing runs, of its root and of the packages of a workspace. */
const lifecycles: Record<Manager["kind"], { root: string[]; member: string[] }> = {
  npm: {
    root: [...duringInstall, "prepublish", ...afterInstall],
    member: [...duringInstall, ...afterInstall],
  },
  pnpm: { root: [...duringInstall, ...afterInstall], member: [...duringInstall, ...afterInstall] },
  bun: { root: [...duringInstall, ...afterInstall], member: [...duringInstall, ...afterInstall] },
  yarn: { root: [...duringInstall, "prepublish", ...afterInstall], member: duringInstall },
  berry: { root: duringInstall, member: duringInstall },
};

interface Own {
  package: Manifest;
  scripts: string[];
}

/**
 * Dependencies with their own scripts first, from manifests and lockfiles; the project's lifecycle scripts once its
 * sources are there, so that what they read is there and a change of it does not install everything again.
 */
export function installing(
  project: Project,
  manager: Manager,
  root: Manifest,
  members: readonly Manifest[],
): { setup: Found[]; install: Found[] } {
  const { because } = manager;
  const ready = manager.ready.map((run) => ({ run, because }));
  const hasDependencies = [root, ...members].some(({ dependencies }) => Object.keys(dependencies).length > 0);
  const needsInstall = manager.isLocked || hasDependencies || members.length > 0;
  const own = ownScripts(project, manager, root, members);
  if (!needsInstall) return { setup: ready, install: own.flatMap((each) => runOne(manager, each, root)) };
  const linksSources = hasLocalPrograms(project, [root, ...members]) || isNative(project, manager, root);
  if (own.length === 0 && !linksSources)
    return { setup: [...ready, { run: manager.install, because }], install: [] };
  return {
    setup: [...ready, ...dependenciesOnly(project, manager, own)],
    install: projectItself(manager, { own, root, linksSources }),
  };
}

function ownScripts(project: Project, manager: Manager, root: Manifest, members: readonly Manifest[]): Own[] {
  if (/^[ \t]*ignore-scripts[ \t]*=[ \t]*"?true/m.test(project.read(".npmrc") ?? "")) return [];
  const { root: ofRoot, member: ofMembers } = lifecycles[manager.kind];
  return [...members, root]
    .map((each) => ({
      package: each,
      scripts: (each === root ? ofRoot : ofMembers).filter((name) => Object.hasOwn(each.scripts, name)),
    }))
    .filter(({ scripts }) => scripts.length > 0);
}

/** npm builds it with node-gyp unless a script says otherwise. */
function isNative(project: Project, { kind }: Manager, { scripts }: Manifest): boolean {
  if (kind === "berry" || scripts.install !== undefined || scripts.preinstall !== undefined) return false;
  return project.has("binding.gyp");
}

function dependenciesOnly(project: Project, manager: Manager, own: readonly Own[]): Found[] {
  const { because, kind, isLocked, install } = manager;
  // Installs what the lockfile says, and knows nothing of the project's scripts.
  if (kind === "pnpm" && isLocked)
    return [{ run: install.replace("install --frozen-lockfile", "fetch"), because }];
  // pnpm does not look again at what is installed already.
  if (kind === "pnpm") return [{ run: `${install} --ignore-scripts`, because }];
  return [...writable(project, own), ...withoutScripts(manager, own), { run: install, because }];
}

/** Where they are read-only, as in a copy of a read-only tree. */
function writable(project: Project, own: readonly Own[]): Found[] {
  const files = own
    .map(({ package: { at } }) => (at === "" ? "package.json" : `${at}/package.json`))
    .filter((file) => project.isReadOnly(file));
  if (files.length === 0) return [];
  return [
    {
      run: `chmod u+w ${files.map(quoted).join(" ")}`,
      because: "setup changes its copy of what is read-only",
    },
  ];
}

/** No manager has an option for it. Sources bring the manifests as they are again. */
function withoutScripts({ kind }: Manager, own: readonly Own[]): Found[] {
  const scripts = (names: Iterable<string>) => [...new Set(names)].map((name) => `scripts.${name}`).join(" ");
  const remove = (names: Iterable<string>, at?: string) => {
    const [command, option] = kind === "bun" ? ["bun pm", "--cwd"] : ["npm", "--prefix"];
    return `${command} pkg delete ${scripts(names)}${at === undefined ? "" : ` ${option} ${at}`}`;
  };
  const because = "runs with the build, once the sources are there";
  const members = own.filter(({ package: { at } }) => at !== "");
  const [root] = own.filter(({ package: { at } }) => at === "");
  const [first] = members;
  const ofMembers =
    first === undefined
      ? []
      : members.length === 1
        ? [remove(first.scripts, quoted(first.package.at))]
        : [
            `for at in ${members.map((each) => quoted(each.package.at)).join(" ")}; do ${remove(
              members.flatMap((each) => each.scripts),
              '"$at"',
            )} || exit; done`,
          ];
  return [...(root === undefined ? [] : [remove(root.scripts)]), ...ofMembers].map((run) => ({
    run,
    because,
  }));
}

function projectItself(
  manager: Manager,
  { own, root, linksSources }: { own: readonly Own[]; root: Manifest; linksSources: boolean },
): Found[] {
  const { kind, install, isLocked } = manager;
  const isRoot = ({ package: each }: Own) => each === root;
  const because = own
    .map(
      ({ package: { at }, scripts }) =>
        `${scripts.join(", ")} of ${at === "" ? "package.json" : `${at}/package.json`}`,
    )
    .slice(0, 3)
    .join("; ");
  const again = (run: string): Found[] => [
    { run, because: own.length === 0 ? "programs that the project itself has" : because },
  ];
  if (kind === "npm") {
    // Nothing else is left to do.
    if (own.every(isRoot) && !linksSources) return own.flatMap((each) => runOne(manager, each, root));
    return again("npm install --no-save --prefer-offline --no-audit --no-fund");
  }
  if (kind === "pnpm")
    return again(isLocked ? `${install} --prefer-offline` : install.replace("install", "rebuild"));
  // Yarn 1 runs scripts of packages only when it installs them.
  if (kind === "yarn") {
    const members = own.filter((each) => !isRoot(each)).flatMap((each) => runOne(manager, each, root));
    return [...members, ...again(install)];
  }
  return again(install);
}

/** Each with what the manager runs before and after it. */
function runOne(manager: Manager, { package: each, scripts }: Own, root: Manifest): Found[] {
  const file = each === root ? "package.json" : `${each.at}/package.json`;
  const runsBoth = manager.kind !== "berry";
  return scripts
    .filter((name) => {
      const [, main] = /^(?:pre|post)(install|prepare)$/.exec(name) ?? [];
      return !(runsBoth && main !== undefined && scripts.includes(main));
    })
    .map((name) => ({
      run: manager.run(name, each === root ? undefined : each),
      because: `the script "${name}" of ${file}, which installing runs`,
    }));
}
