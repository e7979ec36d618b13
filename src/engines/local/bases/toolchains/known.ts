/** A kind of toolchain that people install in their homes, and the parts of it that sandboxes may be shown. */
export interface Toolchain {
  readonly name: string;
  /** Where it may lie: below a `$VARIABLE` of the caller's, `~` or `%`, where programs keep their data. */
  readonly roots: readonly string[];
  /** Directories of PATH that are its, from there. `<v>` stands for one part, which `parts` may name again. */
  readonly bins: readonly string[];
  /** What is shown, from there: programs and libraries by name, never what may hold credentials. `*` is any part. */
  readonly parts: readonly string[];
  /** What it needs elsewhere, told to it by a variable. */
  readonly beside?: { readonly variable: string; readonly root: string; readonly parts: readonly string[] };
  /** A variable that says where it lies itself. */
  readonly variable?: string;
  /** Variables of the caller's that choose one of its versions. */
  readonly choice?: string;
}

// Not shown of a prefix are etc (npm's and pip's configuration), pip.conf, receipts with the addresses that a tool was
// installed from, and settings of Maven and Gradle: each of them may hold a password.
const NODE = "{bin,lib,include,share}";
const PYTHON = "{bin,lib,lib64,libexec,include,share,ssl,pyvenv.cfg}";
const ANY =
  "{bin,lib,lib64,libexec,include,share,jmods,jre,release,boot,go,src,pkg/include,pkg/tool,VERSION,go.env}";
const CONF = "conf/{security,logging,logging.properties,net.properties,sound.properties}";

/** Managers of versions made after rbenv: their shims are scripts that run what lies beside them. */
const likeRbenv = (name: string, variable: string, directory: string): Toolchain => ({
  name,
  roots: [`$${variable}`, `~/${directory}`],
  bins: ["shims", "bin", "versions/<v>/bin", "versions/<v>/envs/<e>/bin", "plugins/<p>/{bin,shims}"],
  parts: [
    ...["bin", "libexec", "shims", "version", `${name}.d`, "plugins/<p>/{bin,shims}"],
    ...[`versions/*/${PYTHON}`, `versions/*/envs/*/${PYTHON}`],
  ],
  variable,
  choice: `${variable.replace("_ROOT", "")}_VERSION`,
});

const virtualEnvironments = (name: string, roots: readonly string[]): Toolchain => ({
  name,
  roots,
  bins: ["<v>/bin"],
  parts: [`<v>/${PYTHON}`],
});

const nodes = (
  name: string,
  roots: readonly string[],
  prefix: string,
  others: Partial<Toolchain> = {},
): Toolchain => ({
  name,
  roots,
  ...others,
  bins: [...(others.bins ?? []), `${prefix}/bin`],
  parts: [...(others.parts ?? []), `${prefix}/${NODE}`],
});

const prefix = (name: string, roots: readonly string[], parts = ANY): Toolchain => ({
  name,
  roots,
  bins: ["bin"],
  parts: [parts],
});

/** Where a toolchain lies that has versions of several languages, each a prefix. */
const versions = (name: string, roots: readonly string[], below: string): Toolchain => ({
  name,
  roots,
  bins: ["", "/bin", "/<s>/bin"].map((end) => `${below}/<t>/<v>${end}`),
  parts: [`${below}/<t>/<v>/${ANY}`, `${below}/<t>/<v>/${CONF}`, `${below}/<t>/<v>/<s>/${ANY}`],
});

export const TOOLCHAINS: readonly Toolchain[] = [
  {
    ...prefix("rust", ["$CARGO_HOME", "~/.cargo"], "bin"),
    beside: {
      variable: "RUSTUP_HOME",
      root: "~/.rustup",
      parts: ["toolchains", "update-hashes", "settings.toml"],
    },
    choice: "RUSTUP_TOOLCHAIN",
  },
  prefix("go", ["$GOROOT", "~/.local/go", "~/.go"]),
  { name: "go", roots: ["~/sdk"], bins: ["<v>/bin"], parts: [`<v>/${ANY}`] },
  { ...prefix("go programs", ["$GOPATH", "~/go"], "bin"), bins: ["bin"] },
  virtualEnvironments("uv tools", ["$UV_TOOL_DIR", "%/uv/tools"]),
  virtualEnvironments("uv pythons", ["$UV_PYTHON_INSTALL_DIR", "%/uv/python"]),
  {
    ...{ name: "pipx", roots: ["$PIPX_HOME", "%/pipx", "~/.local/pipx"], bins: ["venvs/<v>/bin"] },
    parts: [`venvs/<v>/${PYTHON}`, `shared/${PYTHON}`],
  },
  virtualEnvironments("poetry", ["$POETRY_HOME", "%/pypoetry"]),
  virtualEnvironments("pdm", ["%/pdm"]),
  likeRbenv("pyenv", "PYENV_ROOT", ".pyenv"),
  likeRbenv("rbenv", "RBENV_ROOT", ".rbenv"),
  likeRbenv("nodenv", "NODENV_ROOT", ".nodenv"),
  likeRbenv("goenv", "GOENV_ROOT", ".goenv"),
  ...["", "envs/<v>/"].map((below) => ({
    name: "conda",
    roots: ["$MAMBA_ROOT_PREFIX", "~/miniconda3", "~/anaconda3", "~/miniforge3", "~/mambaforge", "~/.conda"],
    bins: [`${below}bin`, `${below}condabin`],
    parts: [`${below}${PYTHON}`, `${below}condabin`],
  })),
  nodes("nvm", ["$NVM_DIR", "~/.nvm", "~/.config/nvm"], "versions/node/<v>"),
  nodes("fnm", ["$FNM_DIR", "%/fnm", "~/.fnm"], "node-versions/<v>/installation", {
    bins: ["."],
    parts: ["fnm"],
  }),
  nodes("volta", ["$VOLTA_HOME", "~/.volta"], "tools/image/<t>/<v>"),
  nodes("volta", ["$VOLTA_HOME", "~/.volta"], "tools/image/packages/<s>/<v>"),
  nodes("n", ["$N_PREFIX", "~/n", "~/.n"], "."),
  nodes("npm's own prefix", ["$NPM_CONFIG_PREFIX", "~/.npm-global", "~/.npm-packages"], "."),
  nodes("pnpm", ["$PNPM_HOME", "%/pnpm"], "nodejs/<v>", {
    bins: [".", "bin"],
    parts: ["bin", ".tools", "global/*/node_modules"],
  }),
  { ...prefix("bun", ["$BUN_INSTALL", "~/.bun"], "bin"), parts: ["bin", "install/global/node_modules"] },
  prefix("deno", ["$DENO_INSTALL", "$DENO_INSTALL_ROOT", "~/.deno"], "bin"),
  versions("mise", ["$MISE_DATA_DIR", "%/mise", "%/rtx"], "installs"),
  versions("asdf", ["$ASDF_DATA_DIR", "~/.asdf"], "installs"),
  versions("sdkman", ["$SDKMAN_DIR", "~/.sdkman"], "candidates"),
  { name: "java", roots: ["$JAVA_HOME"], bins: ["bin"], parts: [ANY, CONF], variable: "JAVA_HOME" },
  { name: "java", roots: ["~/.jdks"], bins: ["<v>/bin"], parts: [`<v>/${ANY}`, `<v>/${CONF}`] },
  ...["$MAVEN_HOME", "$M2_HOME", "$GRADLE_HOME"].map((root) => ({
    ...{ name: "java's builds", roots: [root], bins: ["bin"] },
    parts: ["{bin,boot,lib}", "conf/logging"],
  })),
  {
    ...{ name: ".NET", roots: ["$DOTNET_ROOT", "~/.dotnet"], bins: [".", "tools"], variable: "DOTNET_ROOT" },
    parts: ["{dotnet,sdk,shared,host,packs,sdk-manifests,templates,tools}"],
  },
  {
    ...{ name: "ghcup", roots: ["$GHCUP_INSTALL_BASE_PREFIX/.ghcup", "~/.ghcup"] },
    ...{ bins: ["bin", "ghc/<v>/bin"], parts: ["bin", "ghc", "hls"] },
  },
  prefix("cabal", ["$CABAL_DIR", "~/.cabal"], "bin"),
  {
    ...{ name: "homebrew", roots: ["/home/linuxbrew/.linuxbrew", "~/.linuxbrew"], bins: ["bin", "sbin"] },
    parts: ["{bin,sbin,Cellar,opt,lib,libexec,include,share}"],
  },
];

/** Directories of programs of many kinds, a person's own scripts among them: only those of these names are shown. */
export const MIXED: readonly string[] = [
  "$XDG_BIN_HOME",
  "$UV_TOOL_BIN_DIR",
  "$PIPX_BIN_DIR",
  "~/.local/bin",
  "$PNPM_HOME",
  "%/pnpm",
];

export const PROGRAMS: ReadonlySet<string> = new Set(
  `uv uvx poetry pdm hatch pipx rye pipenv tox nox ruff mypy pyright black flake8 pylint pytest pre-commit
   node npm npx corepack pnpm pnpx pn yarn bun bunx deno tsx turbo nx biome oxlint
   go gofmt golangci-lint cargo rustc rustup rustfmt clippy-driver cargo-nextest just task make cmake ninja meson
   java javac mvn gradle kotlin sbt scala cs stack cabal ghc dotnet ruby bundle gem rake php composer
   shellcheck shfmt hadolint actionlint protoc buf mise asdf zig swift elixir mix dart flutter`.split(/\s+/),
);
