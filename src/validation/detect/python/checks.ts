import type { Found } from "../detected.js";
import type { Hints } from "../hints.js";
import { has, tableAt } from "../text.js";
import type { Chosen } from "./choose.js";
import type { Manifest } from "./manifest.js";
import { hintedTargets, mypyTarget } from "./targets.js";
import { type Tests, unittestCommands } from "./tests.js";

/** What is run, without what starts it in the project's environment. */
export function pythonChecks(
  manifest: Manifest,
  { tools, undeclared }: Chosen,
  tests: Tests | undefined,
  hints: Hints,
): Record<string, Found[]> {
  const checks: Record<string, Found[]> = {};
  const mypy = tools.get("mypy");
  if (mypy !== undefined) {
    const { target, because } = mypyTarget(manifest, hints);
    checks.typecheck = [{ run: ["mypy", ...target].join(" "), because: `mypy in ${mypy}; ${because}` }];
  }
  const ruff = tools.get("ruff");
  if (ruff !== undefined) {
    const words = hintedTargets(manifest, hints, "ruff check") ?? ["."];
    checks.lint = [{ run: ["ruff check", ...words].join(" "), because: `ruff in ${ruff}` }];
    if (hints.says("ruff[\"', \\t]+format") || hints.says("id: *ruff-format")) {
      const formatted = hintedTargets(manifest, hints, "ruff format") ?? ["."];
      checks.format = [
        {
          run: ["ruff format --check", ...formatted].join(" "),
          because: `ruff in ${ruff}, and the project's automation runs ruff format`,
        },
      ];
    }
  }
  const test = testCheck(
    manifest,
    tests,
    tools.get("pytest") ?? (undeclared.includes("pytest") ? "" : undefined),
  );
  return test === undefined ? checks : { ...checks, test };
}

function testCheck(
  manifest: Manifest,
  tests: Tests | undefined,
  pytest: string | undefined,
): Found[] | undefined {
  if (tests === undefined) return undefined;
  if (pytest !== undefined) {
    const said = pytest === "" ? "pytest, which nothing declares" : `pytest in ${pytest}`;
    return [{ run: "python -m pytest", because: `${tests.because}, and ${said}` }];
  }
  if (tests.hasManagePy) {
    return [{ run: "python manage.py test", because: `${tests.because}, and Django's manage.py` }];
  }
  const found = tests.unittest.filter((file) => !/(^|\/)tests\.py$/.test(file));
  const commands = unittestCommands(found, manifest.project.files);
  if (commands.length === 0) return undefined;
  return commands.map((run) => ({ run, because: `${tests.because}, written for unittest` }));
}

/** Whether pip and uv have something to build. */
export function isPackage({ pyproject, setupPy, setupCfg, project }: Manifest): boolean {
  if (setupPy !== undefined || setupCfg.has("metadata")) return true;
  if (has(pyproject, "build-system"))
    return has(pyproject, "project") || has(tableAt(pyproject, "tool"), "poetry");
  if (!has(pyproject, "project")) return false;
  // Without a word on how it is built setuptools guesses, and refuses what has several directories side by side.
  return (
    has(tableAt(pyproject, "tool"), "setuptools") || project.files.some((file) => file.startsWith("src/"))
  );
}
