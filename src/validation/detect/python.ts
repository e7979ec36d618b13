import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { hasCandidateFile, readCandidateFile } from "../config/candidate-file.js";
import type { Detected } from "./detected.js";

/** pyproject.toml, requirements.txt or setup.py: installed into a venv, as Debian's pip refuses without one. */
export async function detectPython(directory: string): Promise<Detected | undefined> {
  const [pyproject, requirements, setupPy] = await Promise.all(
    ["pyproject.toml", "requirements.txt", "setup.py"].map((name) =>
      readCandidateFile(join(directory, name)),
    ),
  );
  const [hasUvLock, hasPoetryLock] = await Promise.all(
    ["uv.lock", "poetry.lock"].map((name) => hasCandidateFile(join(directory, name))),
  );
  if (pyproject === undefined && requirements === undefined && setupPy === undefined) return undefined;
  const mentions = (tool: string) =>
    new RegExp(`\\b${tool}\\b`).test(`${pyproject}\n${requirements}\n${setupPy}`);
  const tools = ["pytest", "ruff", "mypy"].filter(mentions);
  const checks = await checksOf(directory, tools);
  if (pyproject !== undefined && hasUvLock) {
    return project("uv sync --frozen", (command) => `uv run --no-sync ${command}`, "uv.lock");
  }
  if (pyproject !== undefined && hasPoetryLock) {
    return project(
      "POETRY_VIRTUALENVS_IN_PROJECT=1 poetry install --no-interaction",
      (command) => `poetry run ${command}`,
      "poetry.lock",
    );
  }
  const installs = [
    ...(requirements === undefined ? [] : ["-r requirements.txt"]),
    // pip only warns of an extra that the project doesn't have.
    ...(isPackage(pyproject) || setupPy !== undefined ? ["-e '.[dev,test]'"] : []),
    ...tools,
  ].join(" ");
  const because = [
    ...(pyproject === undefined ? [] : ["pyproject.toml"]),
    ...(requirements === undefined ? [] : ["requirements.txt"]),
    ...(setupPy === undefined ? [] : ["setup.py"]),
  ].join(", ");
  const setup = ["python3 -m venv .venv", ...(installs === "" ? [] : [`.venv/bin/pip install ${installs}`])];
  return {
    language: "python",
    setup: setup.map((run) => ({ run, because })),
    // Installing a package reads its sources.
    ...(installs.includes("-e ") ? { setupFiles: ["**"] } : {}),
    install: [],
    build: [],
    checks: mapValues(checks, (command) => ({ run: `.venv/bin/${command}`, because })),
  };

  function project(install: string, run: (command: string) => string, because: string): Detected {
    return {
      language: "python",
      setup: [{ run: install, because }],
      setupFiles: ["**"],
      install: [],
      build: [],
      checks: mapValues(checks, (command) => ({ run: run(command), because })),
    };
  }
}

async function checksOf(directory: string, tools: readonly string[]): Promise<Record<string, string>> {
  return {
    ...(tools.includes("mypy") ? { typecheck: "mypy ." } : {}),
    ...(tools.includes("ruff") ? { lint: "ruff check ." } : {}),
    ...(tools.includes("pytest")
      ? { test: "python -m pytest" }
      : (await hasTests(directory))
        ? { test: "python -m unittest discover" }
        : {}),
  };
}

async function hasTests(directory: string): Promise<boolean> {
  for await (const entry of await opendir(directory)) {
    if (entry.isDirectory() && /^tests?$/.test(entry.name)) return true;
    if (entry.isFile() && /^test.*\.py$/.test(entry.name)) return true;
  }
  return false;
}

function isPackage(pyproject: string | undefined): boolean {
  return pyproject !== undefined && /^[ \t]*\[(project|build-system|tool\.poetry)\]/m.test(pyproject);
}

function mapValues<T>(map: Record<string, string>, change: (value: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
