/**
 * What setup sees unless a config names its files: manifests, lockfiles and what installing reads beside them.
 * Manifests of workspaces lie at any depth.
 */
export const defaultSetupFiles: readonly string[] = [
  "**/package.json",
  ...["package-lock.json", "npm-shrinkwrap.json", ".npmrc", ".nvmrc", ".node-version"],
  ...["pnpm-lock.yaml", "pnpm-workspace.yaml", ".pnpmfile.cjs"],
  ...["yarn.lock", ".yarnrc", ".yarnrc.yml", ".yarn/{patches,plugins,releases}"],
  ...["bun.lock", "bun.lockb", "bunfig.toml"],
  ...["patches", "prisma"],
  ...["pyproject.toml", "requirements*.txt", "requirements", "constraints*.txt", "setup.py", "setup.cfg"],
  ...["uv.lock", "poetry.lock", "poetry.toml", "pdm.lock", "Pipfile", "Pipfile.lock", ".python-version"],
  ...["**/go.mod", "**/go.sum", "go.work", "go.work.sum"],
  ...["**/Cargo.toml", "Cargo.lock", ".cargo", "rust-toolchain", "rust-toolchain.toml"],
];

/** Not imported unless git tracks it, or an operator's config says what is: what the sandbox makes for itself. */
export const defaultSourcesExclude: readonly string[] = ["**/node_modules", "**/.venv"];
