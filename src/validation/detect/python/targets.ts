import type { Hints } from "../hints.js";
import { tableAt } from "../text.js";
import type { Manifest } from "./manifest.js";

/**
 * The paths that the project's automation gives to a tool. Undefined where it gives none, or something else that
 * can't be told from here.
 */
export function hintedTargets({ project }: Manifest, hints: Hints, command: string): string[] | undefined {
  const words = hints.wordsAfter(command) ?? [];
  const changesNothing =
    /^--?(strict|show-[\w-]+|pretty|no-[\w-]+|check|diff|force-exclude|config-file=\S+)$/;
  const paths = words.filter((word) => !changesNothing.test(word));
  const isThere = (path: string) => {
    const bare = path.replace(/^\.\//, "").replace(/\/$/, "");
    return bare === "." || project.files.some((file) => file === bare || file.startsWith(`${bare}/`));
  };
  if (paths.length === 0 || !paths.every(isThere)) return undefined;
  return [...words.filter((word) => word === "--strict"), ...paths];
}

/** mypy's configuration may say what it is to look at; else the project's automation, else its packages. */
export function mypyTarget(manifest: Manifest, hints: Hints): { target: string[]; because: string } {
  const { project, pyproject, setupCfg } = manifest;
  const files: [string, ReadonlySet<string>][] = [
    ...["mypy.ini", ".mypy.ini"].map((name): [string, ReadonlySet<string>] => [
      name,
      keysOf(project.read(name)),
    ]),
    ["pyproject.toml", new Set(Object.keys(tableAt(pyproject, "tool", "mypy")))],
    ["setup.cfg", new Set(setupCfg.get("mypy")?.keys() ?? [])],
  ];
  const [configured] = files.filter(([, keys]) => keys.size > 0);
  const key = ["files", "packages", "modules"].find((name) => configured?.[1].has(name));
  if (configured !== undefined && key !== undefined) {
    return { target: [], because: `${configured[0]} names its ${key}` };
  }
  const hinted = hintedTargets(manifest, hints, "mypy");
  if (hinted !== undefined) return { target: hinted, because: "called so by the project's automation" };
  const packages = new Set(
    project.files.flatMap(
      (file) => /^(?!tests?\/|docs?\/|examples?\/)([\w-]+)\/__init__\.pyi?$/.exec(file)?.[1] ?? [],
    ),
  );
  if (project.files.some((file) => /^src\/.*\.py$/.test(file))) return { target: ["src"], because: "src" };
  if (packages.size > 0) return { target: [...packages].slice(0, 10), because: "the packages at its root" };
  return { target: ["."], because: "all that is there" };
}

function keysOf(text: string | undefined): Set<string> {
  return new Set([...(text ?? "").matchAll(/^(\w+)\s*=/gm)].map(([, key = ""]) => key));
}
