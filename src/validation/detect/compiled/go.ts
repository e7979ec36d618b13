import type { Detected, Found } from "../detected.js";
import type { Project } from "../project.js";
import { quoted } from "../text.js";

const MOST_MODULES = 20;

/** go.mod, go.work, and modules in directories below, which `./...` leaves out. */
export async function detectGo(project: Project): Promise<Detected | undefined> {
  const work = project.read("go.work");
  const root = project.read("go.mod");
  if (root === undefined && work === undefined) return undefined;
  const below = project.files
    .filter((file) => file.endsWith("/go.mod") && file.split("/").length <= 4)
    .map((file) => file.slice(0, -"/go.mod".length));
  const used = work === undefined ? undefined : usedBy(work);
  const modules = [...(root === undefined ? [] : [""]), ...below].filter(
    (module) => module === "" || !/(^|\/)(examples?|_\w+|tests?|fixtures?)(\/|$)/.test(module),
  );
  const found = modules
    .map((module) => ({ module, ...read(project, module, below) }))
    // Where a workspace names its modules, it's these; else another one counts that has tests of its own.
    .filter(({ module, hasTests }) => used?.has(module) ?? (module === "" || hasTests))
    .slice(0, MOST_MODULES);
  const because = (module: string) =>
    module === "" ? "go.mod" : used?.has(module) ? `go.work names ${module}` : `${module}/go.mod`;
  return {
    language: "go",
    setup: downloads(project, found, used !== undefined),
    setupFiles: ["**/go.mod", "**/go.sum", "go.work", "go.work.sum"],
    install: [],
    build: found.flatMap(({ module, hasCode, hasTests }) => [
      ...(hasCode ? [{ run: `${cd(module)}go build ./...`, because: because(module) }] : []),
      ...(hasTests
        ? [
            {
              run: `${cd(module)}go test -exec=true ./...`,
              because: `${because(module)}: its tests are built, once for all checks, and none is run`,
            },
          ]
        : []),
    ]),
    checks: Object.fromEntries(
      found.flatMap(({ module, hasTests, hasCode }): [string, Found][] => [
        ...(hasCode || hasTests
          ? [
              [named(module, "vet"), { run: `${cd(module)}go vet ./...`, because: because(module) }] as [
                string,
                Found,
              ],
            ]
          : []),
        ...(hasTests
          ? [
              [
                named(module, "test"),
                {
                  run: `${cd(module)}go test ./...`,
                  because: `${because(module)}, and it has _test.go files`,
                },
              ] as [string, Found],
            ]
          : []),
      ]),
    ),
  };
}

interface Module {
  module: string;
  hasCode: boolean;
  hasTests: boolean;
}

function read(project: Project, module: string, modules: readonly string[]): Omit<Module, "module"> {
  const inside = module === "" ? "" : `${module}/`;
  const others = modules.filter((other) => other !== module && other.startsWith(inside));
  const files = project.files.filter(
    (file) =>
      file.endsWith(".go") &&
      file.startsWith(inside) &&
      !/(^|\/)_/.test(file) &&
      !others.some((other) => file.startsWith(`${other}/`)),
  );
  return {
    hasCode: project.truncated || files.some((file) => !file.endsWith("_test.go")),
    hasTests: project.truncated || files.some((file) => file.endsWith("_test.go")),
  };
}

/** Nothing where all is vendored or nothing is required. In a workspace one run brings what all of its modules need. */
function downloads(project: Project, found: readonly Module[], isWorkspace: boolean): Found[] {
  if (project.has("vendor/modules.txt")) return [];
  if (isWorkspace) return [{ run: "go mod download", because: "go.work" }];
  return found
    .filter(({ module }) => {
      const inside = module === "" ? "" : `${module}/`;
      const requires = /^[ \t]*require\b/m.test(project.read(`${inside}go.mod`) ?? "");
      return requires && !project.has(`${inside}vendor/modules.txt`);
    })
    .map(({ module }) => ({
      run: `${cd(module)}go mod download`,
      because: `${module === "" ? "" : `${module}/`}go.mod requires modules`,
    }));
}

/** The directories that go.work names. */
function usedBy(text: string): Set<string> {
  const work = text.replace(/\/\/.*$/gm, "");
  const block = [...work.matchAll(/^[ \t]*use[ \t]*\(([^()]*)\)/gm)].flatMap(([, inside = ""]) =>
    inside.split("\n"),
  );
  const single = [...work.matchAll(/^[ \t]*use[ \t]+([^\s(]+)/gm)].map(([, path = ""]) => path);
  return new Set(
    [...block, ...single].map((path) =>
      path
        .trim()
        .replace(/^["`]|["`]$/g, "")
        .replace(/^\.\/?/, "")
        .replace(/\/$/, ""),
    ),
  );
}

function cd(module: string): string {
  return module === "" ? "" : `cd ${quoted(module)} && `;
}

function named(module: string, check: string): string {
  return module === "" ? check : `${module.replace(/[^A-Za-z0-9._-]/g, "-")}-${check}`;
}
