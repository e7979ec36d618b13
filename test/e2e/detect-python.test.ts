import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { hostDirectory, hostFiles } from "../support/scratch.js";
import { pythonTools, testWith } from "../support/toolchains.js";
import { describeValidation, printed, validated, validateFiles } from "../support/validating.js";

const passing = "def test_sum():\n    assert 1 + 1 == 2\n";
const failing = "def test_sum():\n    assert 1 + 1 == 3\n";
const unittest = (expected: number) =>
  `import unittest\n\n\nclass Sum(unittest.TestCase):\n    def test_sum(self):\n        self.assertEqual(1 + 1, ${expected})\n`;
const setuptools = "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n";

// PDM asks for any hishel from 1.4 on, and doesn't start with 2.0.
const tools = await pythonTools("poetry", "pdm", "hishel<2");

// Installing takes as long as the index and the other tests let it.
vi.setConfig({ testTimeout: 400_000 });

await describeValidation("a Python project without a config", () => {
  test("has the group that holds its tests' tool, and itself once its sources are there", async () => {
    const pyproject = `[project]\nname = "demo"\nversion = "1"\n[dependency-groups]\ntesting = ["pytest", "six"]\n${setuptools}[tool.setuptools]\npackages = ["demo"]\n`;
    const files = {
      "pyproject.toml": pyproject,
      "demo/__init__.py": "",
      "tests/test_sum.py": `import demo\nimport six\n\n\n${passing}`,
    };
    const first = await validateFiles(files);
    expect(first.verdicts).toEqual({ setup: "passed", build: "passed", test: "passed" });
    const changed = { ...files, "README.md": "changed", "tests/test_sum.py": failing };
    const second = await validateFiles(changed);
    expect(second.verdicts).toEqual({ setup: "passed", build: "passed", test: "failed" });
    expect(second.check("setup").cached).toBe(true);
    expect(printed(second.events, "test")).toContain("tests/test_sum.py::test_sum");
  });

  test("has its requirements files, and the tools that stand in them", async () => {
    const files = {
      "requirements.txt": "six\n",
      "requirements-dev.txt": "-r requirements.txt\npytest\nruff\nmypy\n",
      "tests/__init__.py": "",
      "tests/test_sum.py": passing,
      // Which rules are on by default changes between versions.
      "ruff.toml": 'lint.select = ["F"]\n',
      "app.py": "TWO: int = 1 + 1\n",
    };
    const { verdicts, report } = await validateFiles(files);
    expect(verdicts).toEqual({ setup: "passed", typecheck: "passed", lint: "passed", test: "passed" });
    expect(report.exitCode).toBe(0);
    const broken = await validateFiles({
      ...files,
      "app.py": "import os\nTWO: int = 'two'\n",
      "tests/test_sum.py": failing,
    });
    expect(broken.verdicts).toEqual({ setup: "passed", typecheck: "failed", lint: "failed", test: "failed" });
  });

  test("is tested with unittest from the directory that its tests lie in", async () => {
    const files = (expected: number) => ({
      "requirements.txt": "",
      "sums.py": "",
      "tests/test_sum.py": `import sums\n${unittest(expected)}`,
    });
    const good = await validateFiles(files(2));
    expect(good.verdicts).toMatchObject({ test: "passed" });
    expect(printed(good.events, "test")).toContain("Ran 1 test");
    expect((await validateFiles(files(3))).verdicts).toMatchObject({ test: "failed" });
  });

  test("beside a front end is checked with it, each in its directory", async () => {
    const { verdicts } = await validateFiles({
      "backend/requirements.txt": "",
      "backend/tests/test_sum.py": unittest(3),
      "frontend/package.json": JSON.stringify({ scripts: { test: "node sum.js" } }),
      "frontend/sum.js": "if (1 + 1 !== 2) process.exit(1);\nconsole.log('1 passed');\n",
    });
    expect(verdicts).toEqual({ setup: "passed", "frontend-test": "passed", "backend-test": "failed" });
  });

  test("without a test has nothing to check, whatever it declares", async () => {
    const files = { "requirements-dev.txt": "pytest\n", "demo/__init__.py": "" };
    await expect(validateFiles(files)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  testWith(tools, "uv", "with a uv.lock is installed by uv, in two steps", async (base) => {
    const directory = await hostFiles({
      "pyproject.toml":
        '[project]\nname = "demo"\nversion = "1"\nrequires-python = ">=3.9"\n[dependency-groups]\ntesting = ["pytest"]\n' +
        '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n[tool.ruff]\nline-length = 100\n',
      "src/demo/__init__.py": "",
      "tests/test_sum.py": `import demo\n\n\n${passing}`,
    });
    execFileSync("uv", ["lock", "-q"], { cwd: directory });
    const { verdicts } = await validated({ directories: [directory], base });
    expect(verdicts).toEqual({ setup: "passed", build: "passed", test: "passed" });
  });

  testWith(tools, "Poetry", "of Poetry is installed by Poetry, in two steps", async (base) => {
    const files = (expected: number) => ({
      "pyproject.toml":
        "[tool.poetry]\nname = 'demo'\nversion = '1'\ndescription = ''\nauthors = []\n[tool.poetry.dependencies]\npython = '>=3.9'\n" +
        "[build-system]\nrequires = ['poetry-core']\nbuild-backend = 'poetry.core.masonry.api'\n",
      "demo/__init__.py": "",
      "tests/test_sum.py": `import demo\n${unittest(expected)}`,
    });
    const good = await validateFiles(files(2), { base });
    expect(good.verdicts).toEqual({ setup: "passed", build: "passed", test: "passed" });
    const bad = await validateFiles(files(3), { base });
    expect(bad.verdicts).toEqual({ setup: "passed", build: "passed", test: "failed" });
    expect(bad.check("setup").cached).toBe(true);
  });

  testWith(tools, "PDM", "with a pdm.lock is installed by PDM, in two steps", async (base) => {
    const directory = await hostFiles({
      "pyproject.toml": `[project]\nname = "demo"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["six"]\n${setuptools}[tool.setuptools]\npackages = ["demo"]\n`,
      "demo/__init__.py": "",
      "tests/test_sum.py": `import demo, six\n${unittest(2)}`,
    });
    const env = {
      ...process.env,
      PDM_CHECK_UPDATE: "0",
      XDG_STATE_HOME: join(await hostDirectory(), "state"),
    };
    execFileSync("pdm", ["lock", "-q"], { cwd: directory, env, stdio: "ignore" });
    const { verdicts } = await validated({ directories: [directory], base });
    expect(verdicts).toEqual({ setup: "passed", build: "passed", test: "passed" });
  });
});
