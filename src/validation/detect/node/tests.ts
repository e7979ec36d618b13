import type { Found } from "../detected.js";
import type { Project } from "../project.js";
import type { Manager } from "./manager.js";
import type { Manifest } from "./manifest.js";

/** Of tests, as many are looked into. */
const MOST_TESTS = 50;
const HEAD_BYTES = 4096;

const byBun = /(^|\/)[^/]+[._](test|spec)\.[cm]?[jt]sx?$/;
/** As `node --test` finds them without being told. */
const byNode = /(^|\/)((.*[._-]test|test-[^/]+|test)\.[cm]?js|test\/.*\.[cm]?js)$/;

/** How tests are run that no script runs: only where they say themselves whose they are. */
export function testsWithoutScript(
  project: Project,
  manager: Manager,
  members: readonly Manifest[],
): Found | undefined {
  const without = project.files.filter((file) => !members.some(({ at }) => file.startsWith(`${at}/`)));
  const imports = (files: readonly string[], module: RegExp) =>
    files.slice(0, MOST_TESTS).find((file) => module.test(project.head(file, HEAD_BYTES)));
  const forBun = without.filter((file) => byBun.test(file));
  if (manager.kind === "bun" && forBun.length > 0)
    return { run: "bun test", because: `${forBun[0]}, and no script runs it` };
  const forNode = imports(
    without.filter((file) => byNode.test(file)),
    /["']node:test["']/,
  );
  return forNode === undefined
    ? undefined
    : { run: "node --test", because: `${forNode}, which imports node:test, and no script runs it` };
}
