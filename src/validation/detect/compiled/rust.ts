import { type Detected, type Found, NOT_CHECKED } from "../detected.js";
import { Hints } from "../hints.js";
import type { Project } from "../project.js";
import { has, quoted, type Table, tableAt, tableOf } from "../text.js";
import { parseToml } from "../toml.js";

const MOST_SOURCES = 200;
const MOST_BYTES = 128 * 1024;

/** Cargo.toml: a crate, or a workspace. */
export async function detectRust(project: Project): Promise<Detected | undefined> {
  const text = project.read("Cargo.toml");
  if (text === undefined) return undefined;
  const manifest = await parseToml(text, `${project.directory}/Cargo.toml`);
  const hints = new Hints(project);
  const all = isWhole(manifest) ? " --workspace" : "";
  const because = all === "" ? "Cargo.toml" : "the workspace of Cargo.toml";
  const tested = hasTests(project);
  const nextest = project.has(".config/nextest.toml");
  const test = `cargo test --offline${all}`;
  return {
    language: "rust",
    ...(await fetching(project)),
    install: [],
    build: [
      tested
        ? { run: `${test} --no-run`, because: `${because}: what its tests need, too` }
        : { run: `cargo build --offline${all}`, because },
    ],
    checks: {
      ...clippy(project, manifest, hints, all),
      ...format(project, hints),
      ...(!tested
        ? {}
        : nextest
          ? {
              test: {
                run: `if cargo nextest --version; then cargo nextest run --offline${all}; else ${test}; fi`,
                because: ".config/nextest.toml, where nextest is installed",
              },
            }
          : { test: { run: test, because: `${because}, and it has tests` } }),
    },
  };
}

/**
 * Without a target cargo reads no manifest, and sources would make setup run at each change: empty files stand in
 * for them meanwhile.
 */
async function fetching(project: Project): Promise<Pick<Detected, "setup" | "setupFiles">> {
  const manifests = project.files.filter((file) => /(^|\/)Cargo\.toml$/.test(file));
  const stubs = new Set<string>();
  for (const file of manifests) {
    const at = file.slice(0, -"Cargo.toml".length);
    const manifest = await parseToml(project.read(file) ?? "", `${project.directory}/${file}`);
    for (const target of targetsOf(manifest)) {
      if (project.files.includes(`${at}${target}`)) stubs.add(`${at}${target}`);
    }
  }
  const paths = [...stubs].sort();
  const directories = [...new Set(paths.map((path) => path.slice(0, Math.max(0, path.lastIndexOf("/")))))];
  const made = directories.filter((path) => path !== "").map(quoted);
  const locked = project.has("Cargo.lock");
  const why = "stand-ins for the targets, without which cargo reads no manifest";
  return {
    setup: [
      ...(made.length === 0 ? [] : [{ run: `mkdir -p ${made.join(" ")}`, because: why }]),
      ...(paths.length === 0 ? [] : [{ run: `touch ${paths.map(quoted).join(" ")}`, because: why }]),
      locked
        ? { run: "cargo fetch --locked", because: "Cargo.lock" }
        : { run: "cargo fetch", because: "Cargo.toml, without a Cargo.lock" },
      ...(paths.length === 0
        ? []
        : [{ run: `rm ${paths.map(quoted).join(" ")}`, because: "the sources come later" }]),
    ],
    setupFiles: ["**/Cargo.toml", "Cargo.lock", ".cargo", "rust-toolchain", "rust-toolchain.toml"],
  };
}

/** Files whose being there cargo asks for, or is content with. */
function targetsOf(manifest: Table): string[] {
  if (!has(manifest, "package")) return [];
  const named = ["bin", "test", "bench", "example"].flatMap((kind) => {
    const list = manifest[kind];
    const directory = { bin: "src/bin", test: "tests", bench: "benches", example: "examples" }[kind] ?? "";
    return (Array.isArray(list) ? list : []).flatMap((target: unknown) => {
      const { name, path } = tableOf(target);
      if (typeof path === "string") return [path];
      return typeof name === "string" ? [`${directory}/${name}.rs`, `${directory}/${name}/main.rs`] : [];
    });
  });
  const { path } = tableAt(manifest, "lib");
  const { build } = tableAt(manifest, "package");
  const own = [path, build].filter((file): file is string => typeof file === "string");
  return ["src/lib.rs", "src/main.rs", "build.rs", ...own, ...named].map((file) => file.replace(/^\.\//, ""));
}

/** A workspace that names default members means these. */
function isWhole(manifest: Table): boolean {
  const workspace = tableAt(manifest, "workspace");
  return has(manifest, "workspace") && has(manifest, "package") && !has(workspace, "default-members");
}

function clippy(project: Project, manifest: Table, hints: Hints, all: string): Record<string, Found> {
  const lints =
    has(tableAt(manifest, "lints"), "clippy") || has(tableAt(manifest, "workspace", "lints"), "clippy");
  const file = ["clippy.toml", ".clippy.toml"].find((name) => project.has(name));
  const hinted = hints.wordsAfter("cargo clippy");
  if (!lints && file === undefined && hinted === undefined) return {};
  const known =
    /^(--(all|workspace|all-targets|all-features|tests|benches|examples|lib|bins|no-deps|)|-[DAWF]|clippy::[\w:]+|warnings|-[DAWF]\w+)$/;
  const words = hinted?.every((word) => known.test(word)) ? hinted : [];
  const run = ["cargo clippy --offline", ...(words.length === 0 ? [`--all-targets${all}`] : words)].join(" ");
  const because =
    file ?? (lints ? "the lints for clippy in Cargo.toml" : "the project's automation runs cargo clippy");
  return { lint: whereInstalled("clippy", run, because) };
}

function format(project: Project, hints: Hints): Record<string, Found> {
  const file = ["rustfmt.toml", ".rustfmt.toml"].find((name) => project.has(name));
  if (file === undefined && !hints.says("cargo[ \\t]+fmt")) return {};
  const because = file ?? "the project's automation runs cargo fmt";
  return { format: whereInstalled("fmt", "cargo fmt --all --check", because) };
}

/** Not every toolchain has it, and which one is in the sandbox only the sandbox knows. */
function whereInstalled(tool: string, run: string, because: string): Found {
  return {
    run: `if cargo ${tool} --version; then ${run}; else echo "${NOT_CHECKED} cargo ${tool} is not installed here"; fi`,
    because: `${because}, where cargo ${tool} is installed`,
  };
}

function hasTests(project: Project): boolean {
  const sources = project.files.filter((file) => file.endsWith(".rs"));
  if (project.truncated || sources.length > MOST_SOURCES) return true;
  if (sources.some((file) => /(^|\/)tests\/[^/]+(\/main)?\.rs$/.test(file))) return true;
  return sources.some((file) =>
    /#\[(\w+::)*(test|rstest|quickcheck|test_case)\b|\bproptest!|^[ \t]*\/\/[/!][ \t]*```|^\/\*[*!]/m.test(
      project.head(file, MOST_BYTES),
    ),
  );
}
