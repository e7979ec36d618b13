import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SandboxError } from "../../../errors.js";
import { VERSION } from "../../../version.js";
import { findTool } from "../doctor/tools.js";

/** Programs of forkbox's own that other processes run: files that nothing imports, so no bundle has them in it. */
const HELPERS = [
  "holder.sh",
  "network.sh",
  "merge-program.mjs",
  "merge.mjs",
  "forward-program.mjs",
  "forward.mjs",
  "connect-program.mjs",
  "beneath.mjs",
] as const;

/**
 * Where such a program is: in `programs` or, when this file is in a bundle, beside that or in the package `forkbox` as
 * Node finds it from there. Never from the working directory, which may be a candidate's.
 * @throws SandboxError ENGINE_UNAVAILABLE with what to do.
 */
export function helperPath(name: (typeof HELPERS)[number]): string {
  const files = [ownFile(), process.argv[1]].filter((file) => file !== undefined);
  for (const file of files) {
    const places = [join(dirname(file), "../../../programs"), dirname(file)];
    const place = places.map((directory) => join(directory, name)).find((path) => existsSync(path));
    if (place !== undefined) return place;
  }
  for (const file of files) {
    const inPackage = packageOf(file, name);
    if (inPackage !== undefined) return inPackage;
  }
  throw unavailable(
    `its helper program ${name} is not beside ${files[0] ?? "the program"}, nor in a package forkbox ${VERSION} there: mark "forkbox" as external in your bundler and install it where the bundle runs, or copy ${HELPERS.join(", ")} from node_modules/forkbox/dist/programs to beside the bundle`,
  );
}

/** What runs helpers in JavaScript: this process's own Node, unless that is Deno, Electron or an app in one file. */
export function nodeProgram(): string {
  if (/^(node|nodejs|bun)$/.test(basename(process.execPath))) return process.execPath;
  const node = findTool("node");
  if (node !== undefined) return node;
  throw unavailable(`${process.execPath} does not run its helper programs: install Node.js in /usr/bin`);
}

/** A bundle in CommonJS has no `import.meta.url`; one of webpack has that of the build. */
function ownFile(): string | undefined {
  const url: string | undefined = import.meta.url;
  if (url?.startsWith("file:")) return fileURLToPath(url);
  return typeof __filename === "string" ? __filename : undefined;
}

function packageOf(file: string, name: string): string | undefined {
  try {
    const require = createRequire(file);
    const manifest = require.resolve("forkbox/package.json");
    const path = join(dirname(manifest), "dist/programs", name);
    // Another version's programs would speak another language.
    return require(manifest).version === VERSION && existsSync(path) ? path : undefined;
  } catch {
    return undefined; // it is not there
  }
}

function unavailable(why: string): SandboxError {
  return new SandboxError("ENGINE_UNAVAILABLE", `The local engine can't run: ${why}.`, {
    operation: "create",
  });
}
