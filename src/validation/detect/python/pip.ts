import type { Detected, Found } from "../detected.js";
import { listed, quoted } from "../text.js";
import { isPackage } from "./checks.js";
import type { Chosen } from "./choose.js";
import type { Expand } from "./expand.js";
import type { Manifest } from "./manifest.js";
import type { Declared } from "./place.js";
import { hasHashes } from "./requirement-files.js";

/** Into a venv, as Debian's pip refuses without one. */
export function installWithPip(
  manifest: Manifest,
  declared: Declared,
  chosen: Pick<Chosen, "places" | "undeclared">,
  expand: Expand,
): Pick<Detected, "setup" | "setupFiles" | "install"> {
  const { project } = manifest;
  const files = chosen.places.filter(({ kind }) => kind === "file");
  const isWhole = (name: string) => !expand([{ kind: "file", path: name }]).needsSources;
  const whole = files.filter(({ name }) => isWhole(name)).map(({ name }) => name);
  const broken = files.filter(({ name }) => !isWhole(name)).map(({ name }) => name);
  const rest = [
    ...declared.main,
    ...chosen.places
      .filter(({ kind, name }) => kind !== "file" || broken.includes(name))
      .flatMap(({ requirements }) => requirements),
  ];
  const { packages, constraints, locals, files: read } = expand(rest);
  const texts = [...new Set([...packages.map(({ text }) => text), ...chosen.undeclared])];
  const because = listed([
    ...(declared.main.length > 0 ? ["the project's dependencies"] : []),
    ...chosen.places.map(({ said }) => said),
    ...(chosen.undeclared.length > 0 ? [`tests that need ${listed(chosen.undeclared)}`] : []),
  ]);
  const hashed = whole.filter((name) => hasHashes(project, name));
  const plain = whole.filter((name) => !hashed.includes(name));
  const words = [
    ...plain.map((name) => `-r ${quoted(name)}`),
    ...[...new Set(constraints)].map((name) => `-c ${quoted(name)}`),
    ...texts.map(quoted),
  ];
  const setup: Found[] = [
    { run: "python3 -m venv .venv", because: because || "Python without dependencies" },
    // pip refuses what has no hash beside what has one.
    ...hashed.map((name) => ({ run: `.venv/bin/pip install -r ${quoted(name)}`, because: name })),
    ...(words.length === 0 ? [] : [{ run: `.venv/bin/pip install ${words.join(" ")}`, because }]),
  ];
  const extras = chosen.places.filter(({ kind }) => kind === "extra").map(({ name }) => name);
  const own = declared.isDynamic
    ? `.venv/bin/pip install -e ${extras.length === 0 ? "." : `'.[${extras.join(",")}]'`}`
    : ".venv/bin/pip install --no-deps -e .";
  return {
    setup,
    setupFiles: [
      ...new Set([
        ...whole.flatMap((name) => [name, ...expand([{ kind: "file", path: name }]).files]),
        ...read,
        ".python-version",
      ]),
    ],
    install: [
      ...(isPackage(manifest) ? [{ run: own, because: "the project itself" }] : []),
      ...(locals.length === 0 && !declared.isDynamic
        ? []
        : broken.map((name) => ({
            run: `.venv/bin/pip install -r ${quoted(name)}`,
            because: `${name} names ${listed(locals.length === 0 ? ["the project itself"] : locals.map(printable))}`,
          }))),
    ],
  };
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 60);
}
