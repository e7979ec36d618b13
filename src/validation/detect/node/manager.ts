import type { Project } from "../project.js";
import { quoted, quotedText } from "../text.js";
import type { Manifest } from "./manifest.js";
import { yamlOf } from "./members.js";

/** A package manager, and how it is told to do things. */
export interface Manager {
  kind: "npm" | "pnpm" | "yarn" | "berry" | "bun";
  /** What it was concluded from. */
  because: string;
  isLocked: boolean;
  /** Makes sure that it is there, and says what is missing where it can't be. */
  ready: string[];
  /** Installs what the lockfile says. */
  install: string;
  /** Runs a script of package.json; a member's where one is given. */
  run(script: string, member?: Manifest): string;
  /** Runs a script in each package of a workspace that has it; all of these are given. */
  runEverywhere(script: string, members: readonly Manifest[]): string;
  /** Runs a program of a dependency. */
  program(command: string): string;
  /** Runs a line of shell that finds the programs of dependencies. */
  shell(line: string): string;
}

/** By the lockfile, else by `packageManager`, else npm. */
export async function managerOf(project: Project, { packageManager }: Manifest): Promise<Manager> {
  const [named = "", version = ""] = packageManager?.split("@") ?? [];
  const locks = lockfiles.filter(({ file }) => project.has(file));
  const lock = locks.find(({ manager }) => manager === named) ?? locks[0];
  const name = lock?.manager ?? (named in makers ? (named as keyof typeof makers) : "npm");
  const pinned = named === name ? version : undefined;
  const because = lock?.file ?? (named === name ? "packageManager" : "package.json, without a lockfile");
  return makers[name](project, { because, isLocked: lock !== undefined, pinned });
}

interface Choice {
  because: string;
  isLocked: boolean;
  /** The version that `packageManager` names. */
  pinned: string | undefined;
}

const lockfiles = [
  { file: "pnpm-lock.yaml", manager: "pnpm" },
  { file: "bun.lock", manager: "bun" },
  { file: "bun.lockb", manager: "bun" },
  { file: "yarn.lock", manager: "yarn" },
  { file: "package-lock.json", manager: "npm" },
  { file: "npm-shrinkwrap.json", manager: "npm" },
] as const;

const makers = {
  npm: async (_: Project, { because, isLocked }: Choice): Promise<Manager> => ({
    kind: "npm",
    because,
    isLocked,
    ready: [],
    install: `npm ${isLocked ? "ci" : "install"} --no-audit --no-fund`,
    run: (script, member) => `npm run ${quoted(script)}${member ? ` -w ${quoted(member.at)}` : ""}`,
    runEverywhere: (script) => `npm run ${quoted(script)} --workspaces --if-present`,
    program: (command) => `npm exec --offline -- ${command}`,
    shell: (line) => `npm exec --offline -c ${quotedText(line)}`,
  }),

  pnpm: async (project: Project, { because, isLocked, pinned }: Choice): Promise<Manager> => {
    const pnpm = brought("pnpm");
    return {
      kind: "pnpm",
      because,
      isLocked,
      ready: pnpm.ready("command -v pnpm", { pinned, wanted: pnpmOfLock(project) }),
      install: pnpm.command(`install${isLocked ? " --frozen-lockfile" : ""}`),
      run: (script, member) =>
        pnpm.command(`${member ? `--filter ${quoted(`./${member.at}`)} ` : ""}run ${quoted(script)}`),
      runEverywhere: (script) => pnpm.command(`-r --if-present run ${quoted(script)}`),
      program: (command) => pnpm.command(`exec ${command}`),
      shell: (line) => pnpm.command(`exec sh -c ${quotedText(line)}`),
    };
  },

  yarn: async (project: Project, choice: Choice): Promise<Manager> => {
    const metadata = /^__metadata:\s+version: (\d+)/m.exec(project.head("yarn.lock", 64 * 1024));
    const settings = await yamlOf(project, ".yarnrc.yml");
    const isBerry =
      metadata !== null ||
      (choice.isLocked ? false : settings !== undefined || /^[2-9]/.test(choice.pinned ?? ""));
    if (!isBerry) return classicYarn(choice);
    const release = settings?.yarnPath;
    return berry(choice, {
      release: typeof release === "string" && project.has(release) ? release : undefined,
      wanted: berryOfLock(metadata?.[1]),
    });
  },

  bun: async (_: Project, { because, isLocked }: Choice): Promise<Manager> => ({
    kind: "bun",
    because,
    isLocked,
    ready: [`command -v bun || { ${missing(`${because} asks for bun, which is not here`)}; }`],
    install: `bun install${isLocked ? " --frozen-lockfile" : ""}`,
    run: (script, member) =>
      `bun run ${member ? `--filter ${quoted(`./${member.at}`)} ` : ""}${quoted(script)}`,
    runEverywhere: (script) => `bun run --filter '*' ${quoted(script)}`,
    program: (command) => `bun x --no-install ${command}`,
    shell: (line) => `PATH=$PWD/node_modules/.bin:$PATH sh -c ${quotedText(line)}`,
  }),
};

function classicYarn({ because, isLocked, pinned }: Choice): Manager {
  const yarn = brought("yarn");
  const run = (script: string, member?: Manifest) =>
    yarn.command(`${member ? `--cwd ${quoted(member.at)} ` : ""}run ${quoted(script)}`);
  return {
    kind: "yarn",
    because,
    isLocked,
    ready: yarn.ready("command -v yarn", { pinned, wanted: "1" }),
    install: yarn.command(`install${isLocked ? " --frozen-lockfile" : ""}`),
    run,
    // "workspaces run" stops at a package that has no such script.
    runEverywhere: (script, members) => members.map((member) => run(script, member)).join(" && "),
    program: (command) => yarn.command(`run ${command}`),
    shell: (line) => yarn.command(`-s exec sh -- -c ${quotedText(line)}`),
  };
}

/** `release` is the Yarn that the project brings, which then needs no other one. */
function berry(
  { because, isLocked, pinned }: Choice,
  { release, wanted }: { release: string | undefined; wanted: string },
): Manager {
  const yarn = brought("yarn");
  const command = (line: string) =>
    release === undefined ? yarn.command(line) : `node ${quoted(release)} ${line}`;
  const run = (script: string, member?: Manifest) =>
    command(
      member
        ? `workspace ${quoted(member.name ?? member.at)} run ${quoted(script)}`
        : `run ${quoted(script)}`,
    );
  return {
    kind: "berry",
    because,
    isLocked,
    // Yarn 1 refuses a project that names another one, and does not read its lockfile.
    ready: release === undefined ? yarn.ready("yarn --version | grep '^[2-9]'", { pinned, wanted }) : [],
    install: command(`install${isLocked ? " --immutable" : ""}`),
    run,
    // "workspaces foreach" is a plugin before Yarn 4.
    runEverywhere: (script, members) => members.map((member) => run(script, member)).join(" && "),
    program: (line) => command(`run ${line}`),
    shell: (line) => command(`exec ${quotedText(line)}`),
  };
}

/**
 * A manager that is not there is brought to ~/.local/bin, which is looked into first: a Yarn 1 of the machine refuses a
 * project of another one. By corepack where `packageManager` has a hash, which it checks, else by npm: Node has no
 * corepack any more.
 */
function brought(name: "pnpm" | "yarn") {
  return {
    command: (line: string) => `PATH=~/.local/bin:$PATH ${name} ${line}`,
    /** @param wanted - A version, for where `packageManager` names none. */
    ready: (
      isThere: string,
      { pinned, wanted }: { pinned: string | undefined; wanted: string | undefined },
    ) => {
      const version = /^\d+[\w.-]*/.exec(pinned ?? "")?.[0] ?? wanted;
      const isBerry = name === "yarn" && !version?.startsWith("1");
      const ofNpm = `${isBerry ? "@yarnpkg/cli-dist" : name}${version === undefined ? "" : `@${version}`}`;
      const enable = `mkdir -p ~/.local/bin && corepack enable --install-directory ~/.local/bin ${name}`;
      const install = `npm install -g --prefix ~/.local ${ofNpm}`;
      // Without a hash to check there is nothing that npm can't do; corepack asks another host for Yarn's versions, and
      // one older than the registry's keys refuses every version that has no hash.
      if (pinned?.includes("+") !== true) return [`${isThere} || ${install}`];
      return [`${isThere} || if command -v corepack; then ${enable}; else ${install}; fi`];
    },
  };
}

/** `what` stands in quotes of a shell: it has none itself. */
export function missing(what: string): string {
  return `echo '${what}: see --base and --host-path' >&2; exit 127`;
}

/** The newest that reads what wrote the lockfile. */
function pnpmOfLock(project: Project): string | undefined {
  const [, version] = /^lockfileVersion: '?(\d+(?:\.\d+)?)/m.exec(project.head("pnpm-lock.yaml", 4096)) ?? [];
  if (version === undefined) return undefined;
  const known: Record<string, string> = {
    "5.3": "6",
    "5.4": "7",
    "6.0": "8",
    "6.1": "8",
  };
  return known[version] ?? "10";
}

function berryOfLock(version: string | undefined): string {
  const written = Number(version ?? Number.POSITIVE_INFINITY);
  if (written >= 7) return "4";
  return written >= 5 ? "3" : "2";
}
