import type { Detected, Found } from "./detected.js";
import type { Project } from "./project.js";
import { setupFilesOf } from "./setup-files.js";
import { quoted } from "./text.js";

const MOST = 20;
/** Not what the project is for, though it may have a manifest. */
const beside =
  /^(docs?|documentation|website|examples?|samples?|demos?|fixtures?|tests?|testing|e2e|bench(es|marks?)?|fuzz|templates?|playground|sandbox|scripts?|tools?|third[-_]party|external|deps)$/i;

/** Directories up to two levels down that have one of these files; none below another of them. */
export function subprojects(project: Project, manifests: readonly string[]): string[] {
  const found = new Set<string>();
  // By depth: what is below one is a part of it.
  for (const depth of [2, 3]) {
    for (const file of project.files) {
      const parts = file.split("/");
      const path = parts.slice(0, -1).join("/");
      if (parts.length !== depth || !manifests.includes(parts.at(-1) ?? "")) continue;
      if (parts.slice(0, -1).some((part) => beside.test(part)) || found.has(parts[0] ?? "")) continue;
      found.add(path);
    }
  }
  return [...found].slice(0, MOST);
}

/** What was found in a directory of the project, as it is run from the project's root. */
export function fromRoot(path: string, detected: Detected): Detected {
  const move = ({ run, because }: Found): Found => ({
    run: inside(path, run),
    because: `${path}: ${because}`,
  });
  return {
    language: detected.language,
    setup: detected.setup.map(move),
    setupFiles: (detected.setupFiles ?? setupFilesOf.node).map((glob) => `${path}/${glob}`),
    install: detected.install.map(move),
    build: detected.build.map(move),
    checks: Object.fromEntries(
      Object.entries(detected.checks).map(([name, found]) => [
        `${path.replaceAll("/", "-")}-${name}`,
        move(found),
      ]),
    ),
    leftOut: (detected.leftOut ?? []).map((reason) => `${path}: ${reason}`),
  };
}

/** What has another order than "and then" stays together. */
function inside(path: string, run: string): string {
  return /\|\||;|(^|[^&])&([^&]|$)|\n/.test(run) && !/^if .*; fi$/.test(run)
    ? `cd ${quoted(path)} && { ${run}; }`
    : `cd ${quoted(path)} && ${run}`;
}
