import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isRoot } from "./base-sandbox.js";

/** A toolchain of a person's, small, in each place where they lie. */
export interface Home {
  readonly path: string;
  /** The directories of PATH, first to last. */
  readonly entries: readonly string[];
  /** Programs that a sandbox is to find, each of which prints its own place. */
  readonly programs: Readonly<Record<string, string>>;
}

/** What must not be read in any sandbox. */
export const PRIVATE = "PRIVATE-word-of-the-caller";

const SECRETS = [
  ".cargo/credentials.toml",
  ".cargo/config.toml",
  ".npmrc",
  ".netrc",
  ".config/pip/pip.conf",
  ".config/mise/secrets",
  ".local/share/keyrings/login",
  ".local/share/mise/secret",
  ".local/share/pnpm/store/private",
  ".local/share/pipx/venvs/black/pipx_metadata.json",
  ".local/share/uv/credentials/one",
  ".local/share/uv/tools/ruff/uv-receipt.toml",
  ".local/bin/own-script",
  ".bun/install/cache/private",
  ".bunfig.toml",
  ".deno/credentials.json",
  ".pyenv/versions/3.11.1/pip.conf",
  ".nvm/versions/node/v20.1.0/etc/npmrc",
  ".volta/tools/image/node/22.1.0/etc/npmrc",
  ".sdkman/candidates/maven/3.9.1/conf/settings.xml",
  ".m2/settings.xml",
  ".gradle/gradle.properties",
  ".asdf/secret",
  "go/pkg/mod/private/a.go",
  ".ghcup/config.yaml",
  "bin/own-tool",
];

/** Fills a home as installers do, and gives what is to be found on its PATH. */
export function furnish(path: string, uid: number): Home {
  const programs: Record<string, string> = {};
  const program = (place: string, name = place.split("/").at(-1) as string) => {
    write(join(path, place), `#!/bin/sh\necho ${join(path, place)}\n`, 0o755);
    programs[name] = join(path, place);
  };
  const link = (place: string, target: string, name = place.split("/").at(-1) as string) => {
    mkdirSync(dirname(join(path, place)), { recursive: true });
    symlinkSync(target, join(path, place));
    programs[name] = join(dirname(join(path, place)), target);
  };
  program(".cargo/bin/cargo");
  write(join(path, ".rustup/toolchains/stable/bin/rustc"), "", 0o755);
  program("go/bin/gopls");
  program("sdk/go1.22/bin/go");
  program(".local/bin/uv");
  program(".local/share/uv/tools/ruff/bin/ruff");
  link(".local/bin/ruff", "../share/uv/tools/ruff/bin/ruff");
  program(".local/share/pipx/venvs/black/bin/black");
  link(".local/bin/black", "../share/pipx/venvs/black/bin/black");
  program(".local/share/pypoetry/venv/bin/poetry");
  link(".local/bin/poetry", "../share/pypoetry/venv/bin/poetry");
  program(".local/share/uv/python/cpython-3.13.1/bin/python3.13");
  program(".local/share/pnpm/pnpm");
  program(".bun/bin/bun");
  program(".deno/bin/deno");
  program(".pyenv/versions/3.11.1/bin/python3.11");
  write(
    join(path, ".pyenv/shims/pythonx"),
    '#!/usr/bin/env bash\nexec "$PYENV_ROOT/libexec/pyenv" exec "$@"\n',
    0o755,
  );
  write(
    join(path, ".pyenv/libexec/pyenv"),
    '#!/usr/bin/env bash\nexec "$PYENV_ROOT/versions/$(cat "$PYENV_ROOT/version")/bin/python3.11"\n',
    0o755,
  );
  programs.pythonx = programs["python3.11"] as string;
  delete programs["python3.11"];
  write(join(path, ".pyenv/version"), "3.11.1\n");
  program(".nvm/versions/node/v20.1.0/bin/nvm-node");
  program(".volta/tools/image/node/22.1.0/bin/volta-node");
  write(
    join(path, ".volta/tools/user/platform.json"),
    '{"node":{"runtime":"22.1.0","npm":null},"yarn":null}',
  );
  write(join(path, ".volta/bin/volta-node"), "#!/bin/sh\nexit 9\n", 0o755);
  program(".local/share/fnm/node-versions/v18.2.0/installation/bin/fnm-node");
  mkdirSync(join(path, "shell"));
  symlinkSync("../.local/share/fnm/node-versions/v18.2.0/installation", join(path, "shell/1234"));
  program(".local/share/mise/installs/zig/0.13.0/bin/mise-zig");
  write(join(path, ".config/mise/config.toml"), `[env]\nTOKEN = "${PRIVATE}"\n[tools]\nzig = "0.13"\n`);
  write(join(path, ".local/share/mise/installs/zig/0.14.0/bin/mise-zig"), "#!/bin/sh\nexit 9\n", 0o755);
  mkdirSync(join(path, ".local/share/mise/shims"));
  program(".asdf/installs/elixir/1.17.1/bin/mix");
  write(join(path, ".tool-versions"), "elixir 1.17.1\n");
  write(join(path, ".asdf/installs/elixir/1.9.1/bin/mix"), "#!/bin/sh\nexit 9\n", 0o755);
  mkdirSync(join(path, ".asdf/shims"));
  program(".sdkman/candidates/maven/3.9.1/bin/sdk-mvn");
  symlinkSync("3.9.1", join(path, ".sdkman/candidates/maven/current"));
  programs["sdk-mvn"] = join(path, ".sdkman/candidates/maven/3.9.1/bin/sdk-mvn");
  program(".ghcup/bin/ghc");
  for (const place of SECRETS)
    write(join(path, place), `${PRIVATE}\n`, place.includes("/own-") ? 0o755 : 0o644);
  chmodSync(path, 0o755);
  if (isRoot) spawnSync("chown", ["-Rh", `${uid}:${uid}`, path]);
  const entries = [
    ...[".cargo/bin", "go/bin", "sdk/go1.22/bin", ".local/bin", ".local/share/pnpm", ".bun/bin", ".deno/bin"],
    ...[".pyenv/shims", ".nvm/versions/node/v20.1.0/bin", ".volta/bin", "shell/1234/bin"],
    ...[
      ".local/share/mise/shims",
      ".asdf/shims",
      ".sdkman/candidates/maven/current/bin",
      ".ghcup/bin",
      "bin",
    ],
  ].map((place) => join(path, place));
  return { path, entries, programs };
}

export function write(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
}
