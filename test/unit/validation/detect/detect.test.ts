import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../../../../src/validation/config/config.js";
import { printConfig } from "../../../../src/validation/config/print-config.js";
import { candidateConfig, givenConfig } from "../../../../src/validation/config/source.js";
import { detectConfig } from "../../../../src/validation/detect/detect.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "forkbox-detect-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function project(files: Record<string, string | object>) {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), typeof content === "string" ? content : JSON.stringify(content));
  }
  return detectConfig(directory);
}

const scripts = { build: "vite build", typecheck: "tsc", lint: "eslint .", test: "vitest" };

describe("other projects without a config", () => {
  test("Python is installed into a venv", async () => {
    expect(await project({ "requirements.txt": "pytest==8\nflask\n" })).toEqual({
      setup: { run: ["python3 -m venv .venv", ".venv/bin/pip install -r requirements.txt pytest"] },
      checks: { test: ".venv/bin/python -m pytest" },
    });
  });

  test("a Python package is installed from its sources, with the tools that it configures", async () => {
    const pyproject = "[project]\nname = 'x'\n[tool.ruff]\n[tool.mypy]\n";
    expect(await project({ "pyproject.toml": pyproject, "tests/test_a.py": "" })).toEqual({
      setup: {
        run: ["python3 -m venv .venv", ".venv/bin/pip install -e '.[dev,test]' ruff mypy"],
        files: ["**"],
      },
      checks: {
        typecheck: ".venv/bin/mypy .",
        lint: ".venv/bin/ruff check .",
        test: ".venv/bin/python -m unittest discover",
      },
    });
  });

  test("Go is vetted and tested", async () => {
    expect(await project({ "go.mod": "module x\n\nrequire y v1.0.0\n" })).toEqual({
      setup: { run: ["go mod download"] },
      build: ["go build ./..."],
      checks: { vet: "go vet ./...", test: "go test ./..." },
    });
  });

  test("Rust is built and tested without network after its crates are fetched", async () => {
    const config = await project({ "Cargo.toml": "[package]", "Cargo.lock": "" });
    expect(config).toMatchObject({
      setup: { run: ["cargo fetch --locked"] },
      build: ["cargo build --offline --all-targets"],
      checks: { test: "cargo test --offline" },
    });
  });

  test("two languages side by side are both checked", async () => {
    const config = await project({
      "package.json": { scripts: { test: "x" } },
      "requirements.txt": "pytest",
    });
    expect(Object.keys(config.checks ?? {})).toEqual(["test", "python-test"]);
  });

  test("what was left out is said where nothing else is there to check", async () => {
    await expect(project({ "package.json": { scripts: { lint: "lint-staged" } } })).rejects.toThrow(
      /no typecheck, lint or test in its node project \(left out: the script "lint" of package\.json, as it writes/,
    );
  });

  test("a directory with nothing known is told what would be known", async () => {
    await expect(detectConfig(directory)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      operation: "validate",
      path: directory,
      message: expect.stringMatching(/no package\.json, deno\.json, pyproject\.toml.*Write a forkbox\.yaml/),
    });
  });
});

test("what is detected can be printed as a config that says the same", async () => {
  const detected = await project({ "package.json": { scripts }, "package-lock.json": "{}" });
  const printed = await printConfig(detected);
  expect(printed).toBe(
    "# yaml-language-server: $schema=./node_modules/forkbox/schema/forkbox.schema.json\n" +
      "setup: npm ci --no-audit --no-fund\nbuild: npm run build\n" +
      "checks:\n  typecheck: npm run typecheck\n  lint: npm run lint\n  test: npm run test\n",
  );
  await writeFile(join(directory, "forkbox.yaml"), printed);
  const source = await candidateConfig(directory);
  if (source === undefined) throw new Error("no config was found");
  const { from: _, ...written } = parseConfig(source, "candidate");
  const { from: __, ...meant } = parseConfig(givenConfig(detected), "operator");
  expect(written).toEqual(meant);
});
