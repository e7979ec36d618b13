const node: readonly string[] = [
  // Manifests of workspaces lie at any depth.
  "**/package.json",
  ...["package-lock.json", "npm-shrinkwrap.json", ".npmrc", ".nvmrc", ".node-version"],
  ...["pnpm-lock.yaml", "pnpm-workspace.yaml", ".pnpmfile.cjs"],
  ...["yarn.lock", ".yarnrc", ".yarnrc.yml", ".yarn/{patches,plugins,releases}"],
  ...["bun.lock", "bun.lockb", "bunfig.toml"],
  ...["patches", "prisma"],
];

const python: readonly string[] = [
  ...["pyproject.toml", "requirements*.txt", "requirements", "constraints*.txt", "setup.py", "setup.cfg"],
  ...["uv.lock", "poetry.lock", "poetry.toml", "pdm.lock", "Pipfile", "Pipfile.lock", ".python-version"],
];

const go: readonly string[] = ["**/go.mod", "**/go.sum", "go.work", "go.work.sum"];

const rust: readonly string[] = [
  ...["**/Cargo.toml", "Cargo.lock", ".cargo", "rust-toolchain", "rust-toolchain.toml"],
];

const java: readonly string[] = ["**/pom.xml", ".mvn", "mvnw", "gradlew", "gradle/wrapper/**"];

/** What installing reads in a project of one language: manifests, lockfiles and what they refer to. */
export const setupFilesOf = { node, python, go, rust, java };

/** What setup sees unless a config names its files. */
export const defaultSetupFiles: readonly string[] = [...node, ...python, ...go, ...rust, ...java];

/** Not imported unless git tracks it, or an operator's config says what is: what the sandbox makes for itself. */
export const defaultSourcesExclude: readonly string[] = ["**/node_modules", "**/.venv"];
