import { minimatch } from "minimatch";
import { stringsOf, tableAt } from "../text.js";
import type { Manifest } from "./manifest.js";

/** As much of a file is looked at for what kind of test it holds. */
const MOST_BYTES = 128 * 1024;
const MOST_FILES = 60;

/** The tests of a Python project. */
export interface Tests {
  /** Where there are any, what says so. */
  because: string;
  /** They can't be run without pytest, or are configured for it. */
  needPytest: boolean;
  /** Those for unittest. */
  unittest: string[];
  /** Django's own runner is the one that sets Django up. */
  hasManagePy: boolean;
}

/** Undefined where there is no test. */
export function findTests(manifest: Manifest, owns: (file: string) => boolean): Tests | undefined {
  const { project } = manifest;
  const config = pytestConfig(manifest);
  const files = project.files.filter((file) => file.endsWith(".py") && owns(file));
  const patterns = [...(config?.patterns ?? ["test_*.py", "*_test.py"])];
  const byName = files.filter((file) => {
    const base = file.slice(file.lastIndexOf("/") + 1);
    return patterns.some((pattern) => matches(base, pattern)) || /^(test.*|.*_test|tests)\.py$/.test(base);
  });
  const unittest: string[] = [];
  let needPytest = config?.doctest ?? false;
  let first = needPytest ? "doctests that pytest's configuration asks for" : undefined;
  for (const file of byName.slice(0, MOST_FILES)) {
    const text = project.head(file, MOST_BYTES);
    const forPytest = /^(async )?def test|^[ \t]*(import|from) pytest\b|^class Test\w*(\(\))?:/m.test(text);
    const forUnittest =
      !forPytest &&
      /^class \w{1,200}\([^)\n]{0,400}(Test|Case)[^)\n]{0,400}\)|^def load_tests\b|^import unittest$/m.test(
        text,
      );
    const methods = /^[ \t]+(async )?def test/m.test(text);
    if (!forPytest && !forUnittest && !methods) continue;
    first ??= file;
    if (forUnittest) unittest.push(file);
    else needPytest = true;
  }
  if (first === undefined) return undefined;
  return {
    because: first,
    needPytest: needPytest || config !== undefined || files.some((file) => /(^|\/)conftest\.py$/.test(file)),
    unittest,
    hasManagePy: project.files.includes("manage.py"),
  };
}

/** One command for each directory of tests that unittest can't find from another. */
export function unittestCommands(files: readonly string[], all: readonly string[]): string[] {
  const packages = new Set(
    all.filter((file) => file.endsWith("/__init__.py")).map((file) => file.slice(0, -"/__init__.py".length)),
  );
  const commands = files.map((file) => {
    const slash = file.lastIndexOf("/");
    const [directory, base] = slash === -1 ? ["", file] : [file.slice(0, slash), file.slice(slash + 1)];
    const pattern = base.startsWith("test") ? "" : ` -p '${base.endsWith("_test.py") ? "*_test.py" : base}'`;
    if (directory === "") return `python -m unittest discover${pattern}`;
    if (!packages.has(directory)) return `python -m unittest discover -s ${directory}${pattern}`;
    let top = directory;
    for (; packages.has(top); top = parent(top)) if (!packages.has(parent(top))) break;
    return `python -m unittest discover -s ${top} -t ${parent(top) || "."}${pattern}`;
  });
  return [...new Set(commands)];
}

function parent(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

interface PytestConfig {
  /** Undefined: pytest's own. */
  patterns: string[] | undefined;
  doctest: boolean;
}

function pytestConfig(manifest: Manifest): PytestConfig | undefined {
  const { project, pyproject, setupCfg, toxIni } = manifest;
  const tool = tableAt(pyproject, "tool");
  if (tool.pytest !== undefined) {
    const options = { ...tableAt(tool, "pytest"), ...tableAt(tool, "pytest", "ini_options") };
    return configOf(textOf(options.python_files), textOf(options.addopts));
  }
  const section = setupCfg.get("tool:pytest") ?? toxIni.get("pytest");
  if (section !== undefined) return configOf(section.get("python_files"), section.get("addopts"));
  for (const file of ["pytest.ini", ".pytest.ini"]) {
    const text = project.read(file);
    if (text === undefined) continue;
    return configOf(/^python_files\s*=\s*(.+)$/m.exec(text)?.[1], /--doctest-\w+/.exec(text)?.[0]);
  }
  return undefined;
}

function configOf(files: string | undefined, options: string | undefined): PytestConfig {
  const patterns = (files ?? "").split(/[\s,]+/).filter((pattern) => /^[\w.*?/-]{1,60}$/.test(pattern));
  return {
    patterns: patterns.length === 0 ? undefined : patterns,
    doctest: /--doctest-/.test(options ?? ""),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : stringsOf(value).join(" ");
}

function matches(base: string, pattern: string): boolean {
  return minimatch(base, pattern.slice(pattern.lastIndexOf("/") + 1));
}
