import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findToolchains } from "../../../../src/engines/local/bases/toolchains/find.js";
import { whereIsMissing } from "../../../../src/engines/local/bases/toolchains/missing.js";
import { expand, matchPattern } from "../../../../src/engines/local/bases/toolchains/patterns.js";
import { stampOf } from "../../../../src/engines/local/bases/toolchains/stamp.js";
import { ofFewVersions } from "../../../../src/engines/local/bases/toolchains/versions.js";
import { furnish, write } from "../../../local/toolchain-homes.js";
import { hostDirectory, hostFiles } from "../../../support/scratch.js";

const own = process.getuid?.() ?? 0;

/** What is found in a home with this PATH, on a machine that shows /usr. */
function find(home: string, entries: readonly string[], env: Record<string, string> = {}) {
  return findToolchains({
    env: { HOME: home, PATH: entries.join(":"), ...env },
    isShown: (path) => path.startsWith("/usr/"),
    whyNever: () => undefined,
    strangers: false,
  });
}

test("a pattern's names are one part each, its choices one of several", () => {
  expect(matchPattern("versions/<v>/bin", "versions/3.12/bin")).toEqual({ v: "3.12" });
  expect(matchPattern("versions/<v>/bin", "versions/a/b/bin")).toBeUndefined();
  expect(matchPattern("<p>/{bin,shims}", "x/shims")).toEqual({ p: "x" });
  expect(matchPattern(".", "")).toEqual({});
});

test("a directory of versions is never a part: a pip.conf may come beside what is named", async () => {
  const root = await hostFiles({ "versions/1/bin/a": "", "versions/1/lib/b": "", "versions/2/bin/a": "" });
  const parts = () => expand(root, ["versions/*/{bin,lib}"], {}).paths.sort();
  const expected = ["1/bin", "1/lib", "2/bin"].map((part) => join(root, "versions", part));
  expect(parts()).toEqual(expected);
  write(join(root, "versions/2/pip.conf"), "");
  expect(parts()).toEqual(expected);
});

test("PATH keeps its order; what stands behind shims stands in their place; what is not known is told", async () => {
  const path = await hostDirectory();
  const { entries } = furnish(path, own);
  const { path: found, after, found: told } = find(path, ["/usr/bin", ...entries, `${path}/nothing`]);
  const at = (each: string) => join(path, each);
  expect([...found.values()].flat()).toEqual([
    "/usr/bin",
    ...[
      ".cargo/bin",
      "go/bin",
      "sdk/go1.22/bin",
      ".local/bin",
      ".local/share/pnpm",
      ".bun/bin",
      ".deno/bin",
    ].map(at),
    ...[".pyenv/shims", ".nvm/versions/node/v20.1.0/bin", ".volta/tools/image/node/22.1.0/bin"].map(at),
    ...[
      ".local/share/fnm/node-versions/v18.2.0/installation/bin",
      ".local/share/mise/installs/zig/0.13.0/bin",
    ].map(at),
    ...[".asdf/installs/elixir/1.17.1/bin", ".sdkman/candidates/maven/current/bin", ".ghcup/bin"].map(at),
  ]);
  expect(after).toEqual([at(".local/share/uv/python/cpython-3.13.1/bin")]);
  expect(told.filter(({ whyNot }) => whyNot !== undefined)).toEqual([
    { directory: at("bin"), whyNot: "it is no toolchain that is known" },
  ]);
});

test("variables choose and are passed on; a home that one calls a toolchain shows nothing of itself", async () => {
  const path = await hostDirectory();
  const { entries } = furnish(path, own);
  const env = {
    RUSTUP_TOOLCHAIN: "stable",
    PYENV_VERSION: "3.11.1",
    JAVA_HOME: "/usr/lib/jvm/x",
    CARGO_HOME: "/x",
  };
  expect(find(path, entries, env).environment).toEqual({
    ...{ RUSTUP_HOME: join(path, ".rustup"), RUSTUP_TOOLCHAIN: "stable", JAVA_HOME: "/usr/lib/jvm/x" },
    ...{ PYENV_ROOT: join(path, ".pyenv"), PYENV_VERSION: "3.11.1" },
  });
  const names = [
    "CARGO_HOME",
    "NPM_CONFIG_PREFIX",
    "GOPATH",
    "BUN_INSTALL",
    "N_PREFIX",
    "JAVA_HOME",
    "PYENV_ROOT",
  ];
  for (const place of [path, join(path, ".local"), join(path, ".local/share")]) {
    const all = Object.fromEntries(names.map((name) => [name, place]));
    const { shown, copies } = find(path, [join(place, "bin"), join(place, "shims")], all);
    const known = place.endsWith(".local") ? [join(path, ".local/bin/uv")] : [];
    expect(copies.map(({ at }) => at).filter((at) => !at.includes("/share/"))).toEqual(known);
    expect(shown.filter(({ at }) => !at.includes("/share/"))).toEqual([]);
  }
});

test("the stamp changes when one is upgraded, chosen otherwise or first on PATH, and else doesn't", async () => {
  const path = await hostDirectory();
  const { entries } = furnish(path, own);
  const stamp = (of = entries) => stampOf(find(path, of));
  const seen = [stamp()];
  expect(stamp()).toBe(seen[0]);
  const changes = [
    () => write(join(path, ".cargo/bin/cargo"), "#!/bin/sh\necho 2\n", 0o755),
    () => write(join(path, ".pyenv/version"), "3.11.2\n"),
    () => mkdirSync(join(path, ".rustup/toolchains/nightly")),
    () => write(join(path, ".rustup/toolchains/nightly/bin/rustc"), "", 0o755),
    () => write(join(path, ".local/share/uv/tools/ruff/lib/python3/site-packages/ruff.py"), ""),
    () => write(join(path, ".pyenv/versions/3.11.1/lib/python3.11/site-packages/requests/a.py"), ""),
    () => mkdirSync(join(path, ".rustup/toolchains/stable/lib/rustlib/wasm32"), { recursive: true }),
    () => write(join(path, ".tool-versions"), "elixir 1.9.1\n"),
    () => write(join(path, ".local/bin/uv"), "#!/bin/sh\necho 2\n", 0o755),
  ];
  for (const change of changes) {
    change();
    seen.push(stamp());
  }
  seen.push(stamp([...entries].reverse()));
  expect(new Set(seen).size).toBe(seen.length);
});

test("a program that sandboxes lack is named with its place, and nothing that a command made up", async () => {
  const path = await hostDirectory();
  const { entries } = furnish(path, own);
  chmodSync(join(path, ".cargo/bin"), 0o777);
  const tools = find(path, entries);
  const where = (program: string, isThere = false) => whereIsMissing(program, tools, () => isThere);
  expect(where("own-tool")).toBe(
    `own-tool is in ${path}/bin on this machine, which sandboxes don't show: --host-path ${path}/bin`,
  );
  expect(where("cargo")).toContain(
    `(${path}/.cargo/bin: others may write to it): --host-path ${path}/.cargo/bin`,
  );
  expect(where("own-tool", true)).toBeUndefined();
  for (const made of ["nowhere", "../bin/own-tool", "own-tool\u001b[2J", "", "."])
    expect(where(made)).toBeUndefined();
});

test("of many versions those that were chosen and the newest are shown, as each part is a mount of every command", async () => {
  const root = await hostFiles({ version: "3.6.1\n" });
  const paths = ["3.6.1", "3.7.2", "3.8.3", "3.9.4", "3.10.5", "3.11.6"].map((v) =>
    join(root, "versions", v, "bin"),
  );
  const kept = (chosen?: string) =>
    ofFewVersions(root, [join(root, "bin"), ...paths], chosen).map((path) => path.slice(root.length + 1));
  expect(kept()).toEqual(["bin", ...["3.6.1", "3.9.4", "3.10.5", "3.11.6"].map((v) => `versions/${v}/bin`)]);
  expect(kept("3.7")).toEqual([
    "bin",
    ...["3.6.1", "3.7.2", "3.10.5", "3.11.6"].map((v) => `versions/${v}/bin`),
  ]);
});
