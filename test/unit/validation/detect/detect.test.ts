import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../../../../src/validation/config/config.js";
import { printConfig } from "../../../../src/validation/config/print-config.js";
import { candidateConfig, givenConfig } from "../../../../src/validation/config/source.js";
import { detectConfig, detectProject } from "../../../../src/validation/detect/detect.js";

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

describe("projects of several languages", () => {
  test("side by side at the root are both checked", async () => {
    const config = await project({
      "package.json": { scripts: { test: "x" } },
      "requirements.txt": "pytest",
      "tests/test_a.py": "def test_a(): pass\n",
    });
    expect(Object.keys(config.checks ?? {})).toEqual(["test", "python-test"]);
  });

  test("in directories are checked there, and setup sees what each of them needs", async () => {
    const config = await project({
      "backend/requirements.txt": "pytest\n",
      "backend/test_a.py": "def test_a(): pass\n",
      "apps/web/package.json": { scripts: { build: "vite build", test: "vitest run" } },
      "apps/web/package-lock.json": "{}",
      "svc/go.mod": "module x\n",
      "svc/a_test.go": "package x\n",
      "lib/Cargo.toml": "[package]\nname = 'x'\n",
      "lib/src/lib.rs": "#[test]\nfn a() {}\n",
    });
    expect(config.checks).toEqual({
      "apps-web-test": "cd apps/web && npm run test",
      "backend-test": "cd backend && .venv/bin/python -m pytest",
      "svc-vet": "cd svc && go vet ./...",
      "svc-test": "cd svc && go test ./...",
      "lib-test": "cd lib && cargo test --offline",
    });
    expect(config.setup).toMatchObject({
      run: expect.arrayContaining([
        "cd apps/web && npm ci --no-audit --no-fund",
        "cd backend && .venv/bin/pip install -r requirements.txt",
      ]),
      files: expect.arrayContaining([
        "apps/web/package-lock.json",
        "backend/requirements.txt",
        "lib/**/Cargo.toml",
      ]),
    });
  });

  test("in directories that show or test something else are left alone", async () => {
    const files = ["examples/a", "node_modules/b", "docs", "tests/fixtures", ".hidden", "a/b/c"].map(
      (path) => [`${path}/package.json`, { scripts: { test: "x" } }],
    );
    await expect(project(Object.fromEntries(files))).rejects.toThrow(/nothing to check/);
  });

  test("are found once where the root tests its parts", async () => {
    const config = await project({
      "package.json": { scripts: { test: "npm test --workspaces" }, workspaces: ["packages/*"] },
      "packages/a/package.json": { scripts: { test: "x" } },
    });
    expect(Object.keys(config.checks ?? {})).toEqual(["test"]);
  });

  test("are not looked for through links", async () => {
    await mkdir(join(directory, "elsewhere/.hidden"), { recursive: true });
    await writeFile(join(directory, "elsewhere/.hidden/go.mod"), "module x\n");
    await writeFile(join(directory, "elsewhere/.hidden/a_test.go"), "package x\n");
    await symlink("elsewhere/.hidden", join(directory, "linked"));
    await expect(detectConfig(directory)).rejects.toThrow(/nothing to check/);
  });
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

test("what is printed says above each command what it was concluded from, and is the same config", async () => {
  await project({
    "package.json": { scripts: { test: "vitest" } },
    "package-lock.json": "{}",
    "backend/requirements.txt": "six\npytest # \u001b[31mred\n",
    "backend/test_a.py": "def test_a(): pass\n",
  });
  const { config, because } = await detectProject(directory);
  const printed = await printConfig(config, because);
  expect(printed).toContain("    # backend: requirements.txt\n    - cd backend && python3 -m venv .venv\n");
  expect(printed).toContain(
    "  # backend: test_a.py, and pytest in requirements.txt\n  backend-test: cd backend",
  );
  await writeFile(join(directory, "forkbox.yaml"), printed);
  const source = await candidateConfig(directory);
  expect(source?.value).toEqual(config);
  // What a candidate names can't add a line to it.
  const odd = await printConfig(
    { checks: { a: "x" } },
    { setup: [], build: [], checks: { a: "b\nsetup: y\u001b[1m" }, leftOut: ["tsc, as\nit is"] },
  );
  expect(odd.split("\n").slice(1)).toEqual([
    "checks:",
    "  # b?setup: y?[1m",
    "  a: x",
    "",
    "# Not run: tsc, as?it is",
    "",
  ]);
});
