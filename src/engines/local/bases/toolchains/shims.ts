import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Caller, placesOf } from "./caller.js";
import { namesIn, textOf } from "./read.js";

/** What a directory of shims stands for. */
interface Behind {
  readonly name: string;
  /** Directories of the programs themselves. */
  readonly directories: readonly string[];
}

/**
 * Shims of these managers start the manager, which reads its configuration (it may hold a password), and writes. So
 * the versions that the caller has chosen for everything stand in their place; undefined for any other directory.
 */
export function behindShims(directory: string, caller: Caller): Behind | undefined {
  for (const root of ["$VOLTA_HOME", "~/.volta"].flatMap((each) => placesOf(each, caller)))
    if (directory === join(root, "bin")) return { name: "volta", directories: ofVolta(root) };
  for (const root of ["$ASDF_DATA_DIR", "~/.asdf"].flatMap((each) => placesOf(each, caller)))
    if (directory === join(root, "shims"))
      return { name: "asdf", directories: ofInstalls(root, chosenForAsdf(caller)) };
  for (const root of ["$MISE_DATA_DIR", "%/mise", "%/rtx"].flatMap((each) => placesOf(each, caller)))
    if (directory === join(root, "shims"))
      return { name: "mise", directories: ofInstalls(root, chosenForMise(caller)) };
  return undefined;
}

function ofVolta(root: string): string[] {
  const image = join(root, "tools/image");
  const text = textOf(join(root, "tools/user/platform.json"));
  const { node, pnpm, yarn } = platformOf(text);
  const versions = { npm: node?.npm, node: node?.runtime, pnpm, yarn };
  const managed = Object.entries(versions).flatMap(([tool, version]) =>
    version ? [join(image, tool, version, "bin")] : [],
  );
  const packages = visibleIn(join(image, "packages")).flatMap((name) =>
    name.startsWith("@") ? visibleIn(join(image, "packages", name)).map((own) => join(name, own)) : [name],
  );
  return [...managed, ...packages.map((name) => join(image, "packages", name, "bin"))];
}

interface Platform {
  node?: { runtime?: string; npm?: string | null } | null;
  pnpm?: string | null;
  yarn?: string | null;
}

function platformOf(text: string): Platform {
  try {
    return (JSON.parse(text) as Platform | null) ?? {};
  } catch {
    return {};
  }
}

type Chosen = (tool: string) => readonly string[];

/** Where nothing was chosen, the newest: a project may ask for the tool all the same. */
function ofInstalls(root: string, chosen: Chosen): string[] {
  const installs = join(root, "installs");
  return visibleIn(installs).flatMap((tool) => {
    const versions = visibleIn(join(installs, tool));
    const wanted = chosen(tool).flatMap((version) => bestOf(versions, version) ?? []);
    const newest = bestOf(versions, "");
    return (wanted.length > 0 ? wanted : newest ? [newest] : []).flatMap((version) =>
      binsOf(join(installs, tool, version)),
    );
  });
}

function bestOf(versions: readonly string[], wanted: string): string | undefined {
  if (versions.includes(wanted)) return wanted;
  const fitting = versions.filter(
    (version) =>
      wanted === "" ||
      wanted === "latest" ||
      version.startsWith(`${wanted}.`) ||
      version.startsWith(`${wanted}-`),
  );
  const numbered = fitting.filter((version) => /\d/.test(version));
  return (numbered.length > 0 ? numbered : fitting)
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .at(-1);
}

function binsOf(prefix: string): string[] {
  const inside = ["bin", "go/bin"].map((name) => join(prefix, name)).filter((path) => existsSync(path));
  if (inside.length > 0) return inside;
  const isProgram = (name: string) => {
    const stat = statSync(join(prefix, name), { throwIfNoEntry: false });
    return stat?.isFile() === true && (stat.mode & 0o111) !== 0;
  };
  return visibleIn(prefix).some(isProgram) ? [prefix] : [];
}

/** See asdf's `.tool-versions`: a tool and its versions on each line. */
function chosenForAsdf(caller: Caller): Chosen {
  const lines = inHome(".tool-versions", caller)
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim().split(/\s+/));
  return (tool) => {
    const own = caller.env[`ASDF_${tool.toUpperCase().replaceAll("-", "_")}_VERSION`];
    return own ? own.split(/\s+/) : (lines.find(([name]) => name === tool)?.slice(1) ?? []);
  };
}

/** Only of its table of tools: `node = "20"`, `python = ["3.12", "3.11"]`, `go = { version = "1.22" }`. */
function chosenForMise(caller: Caller): Chosen {
  const file = ["$MISE_GLOBAL_CONFIG_FILE", "$XDG_CONFIG_HOME/mise/config.toml", "~/.config/mise/config.toml"]
    .flatMap((each) => placesOf(each, caller))
    .find((path) => existsSync(path));
  const text = `\n${file ? textOf(file) : ""}`;
  const table = text.split("\n[tools]")[1]?.split("\n[")[0] ?? "";
  const chosen = new Map<string, string[]>();
  for (const line of table.split("\n")) {
    const [, name, value] = /^\s*"?([^\s"=]+)"?\s*=\s*(.*)$/.exec(line) ?? [];
    const versions =
      /version\s*=\s*"(.*?)"/.exec(value ?? "")?.slice(1) ??
      [...(value ?? "").matchAll(/"(.*?)"/g)].map((found) => found[1] as string);
    if (name) chosen.set(name.replace(/[:/]/g, "-"), versions);
  }
  return (tool) => chosen.get(tool) ?? chosenForAsdf(caller)(tool);
}

function inHome(name: string, caller: Caller): string {
  const [path] = placesOf(`~/${name}`, caller);
  return path ? textOf(path) : "";
}

/** Not those that begin with a dot. */
function visibleIn(directory: string): string[] {
  return namesIn(directory).filter((name) => !name.startsWith("."));
}
