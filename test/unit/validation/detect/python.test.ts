import { describe, expect, test } from "vitest";
import { detectConfig, detectProject } from "../../../../src/validation/detect/detect.js";
import { hostFiles } from "../../../support/scratch.js";

const passing = { "tests/test_a.py": "def test_a():\n    assert True\n" };
const unittest = "import unittest\n\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        pass\n";
const setuptools = "[build-system]\nrequires = ['setuptools']\n";

async function detected(files: Record<string, string>) {
  const { setup, build, checks } = await detectConfig(await hostFiles(files));
  const run = typeof setup === "object" && "run" in setup ? setup.run : setup;
  return { setup: [run ?? []].flat(), build: [build ?? []].flat(), checks };
}

async function pipInstalls(files: Record<string, string>): Promise<string> {
  const { setup } = await detected(files);
  return setup.slice(1).join("\n").replaceAll(".venv/bin/pip install ", "");
}

describe("a tool of a Python project", () => {
  test.each([
    ["a group", "[project]\nname='x'\n[dependency-groups]\nqa=[{include-group='in'}]\nin=['pytest','six']\n"],
    ["an extra", "[project]\nname='x'\n[project.optional-dependencies]\nqa=['x[in]']\nin=['pytest','six']\n"],
    ["a hatch environment", "[project]\nname='x'\n[tool.hatch.envs.qa]\ndependencies=['pytest','six']\n"],
    ["a group of PDM's", "[project]\nname='x'\n[tool.pdm.dev-dependencies]\nqa=['pytest','six']\n"],
  ])("is installed with what stands beside it in %s", async (_, pyproject) => {
    const files = { "pyproject.toml": pyproject, ...passing };
    expect(await pipInstalls(files)).toBe("pytest six");
    expect((await detected(files)).checks).toEqual({ test: ".venv/bin/python -m pytest" });
  });

  test.each([
    ["requirements-dev.txt", "pytest"],
    ["dev-requirements.txt", "pytest"],
    ["requirements_test.txt", "pytest"],
    ["requirements/test.txt", "pytest"],
    ["requirements/quality.txt", "pytest"],
  ])("is installed from %s", async (file, content) => {
    expect(await pipInstalls({ [file]: content, "setup.py": "setup(name='x')", ...passing })).toBe(
      `-r ${file}`,
    );
  });

  test.each([
    ["tox.ini", "[testenv]\ndeps =\n    pytest\n    six\n    py38: old\ncommands = pytest\n"],
    [
      "noxfile.py",
      "import nox\n\n\n@nox.session\ndef tests(session):\n    session.install('pytest', 'six')\n",
    ],
    ["setup.cfg", "[options]\ntests_require =\n    pytest\n    six\n"],
  ])("that only %s names is installed as there", async (file, content) => {
    expect(await pipInstalls({ [file]: content, "setup.py": "setup(name='x')", ...passing })).toBe(
      "pytest six",
    );
  });

  test("that is only configured is not run", async () => {
    const files = {
      "pyproject.toml": "[tool.ruff]\n[tool.mypy]\n",
      "requirements.txt": "pytest\n",
      ...passing,
    };
    expect(await detected(files)).toMatchObject({ checks: { test: ".venv/bin/python -m pytest" } });
  });

  test("that only a member of a workspace declares is run there", async () => {
    const files = {
      "pyproject.toml": "[tool.uv.workspace]\nmembers=['backend']\n[dependency-groups]\ndev=['ruff']\n",
      "uv.lock": "",
      "scripts/notes.py": "",
      "backend/pyproject.toml": "[project]\nname='b'\n[dependency-groups]\ndev=['mypy', 'pytest']\n",
      "backend/app/__init__.py": "",
      "backend/tests/test_a.py": "import pytest\ndef test(): pass\n",
    };
    expect((await detected(files)).checks).toEqual({
      lint: "uv run --no-sync ruff check .",
      "backend-typecheck": "cd backend && uv run --no-sync mypy app",
      "backend-test": "cd backend && uv run --no-sync python -m pytest",
    });
  });

  test("that tests can't do without is installed though nothing declares it", async () => {
    expect(await pipInstalls({ "requirements.txt": "six\n", ...passing })).toBe("-r requirements.txt pytest");
    const locked = { "pyproject.toml": "[project]\nname='x'\n", "uv.lock": "", ...passing };
    expect((await detected(locked)).setup).toEqual(["uv sync --frozen", "uv pip install pytest"]);
  });
});

describe("tests of a Python project", () => {
  test.each([
    ["no file", {}],
    ["a file without tests", { "tests/test_helpers.py": "X = 1\n" }],
    ["files of another project below", { "vendor/x/test_a.py": "def test_a(): pass\n" }],
  ])("are not invented: %s", async (_, files) => {
    const given = await hostFiles({ "requirements.txt": "pytest\n", "x/__init__.py": "", ...files });
    await expect(detectConfig(given)).rejects.toThrow(/nothing to check/);
  });

  test.each([
    ["pkg/tests/test_x.py", ""],
    ["src/pkg/x_test.py", ""],
    ["spec/check_x.py", "[pytest]\npython_files = check_*.py\n"],
  ])("are found in %s", async (path, ini) => {
    const files = {
      "requirements.txt": "pytest\n",
      [path]: "def test_a(): pass\n",
      ...(ini === "" ? {} : { "pytest.ini": ini }),
    };
    expect((await detected(files)).checks).toEqual({ test: ".venv/bin/python -m pytest" });
  });

  test.each<[string, Record<string, string>, string]>([
    ["at the root", { "test_a.py": unittest }, "discover"],
    ["in a plain directory", { "tests/test_a.py": unittest }, "discover -s tests"],
    ["in a package", { "tests/__init__.py": "", "tests/test_a.py": unittest }, "discover -s tests -t ."],
    [
      "deep in packages",
      {
        ...{ "src/p/__init__.py": "", "src/p/tests/__init__.py": "" },
        "src/p/tests/test_a.py": unittest,
      },
      "discover -s src/p -t src",
    ],
    ["named otherwise", { "tests/a_test.py": unittest }, "discover -s tests -p '*_test.py'"],
  ])("for unittest are looked for from the right directory: %s", async (_, files, discover) => {
    const { checks } = await detected({ "requirements.txt": "", ...files });
    expect(checks).toEqual({ test: `.venv/bin/python -m unittest ${discover}` });
  });

  test("of a Django project are run by what sets Django up", async () => {
    const files = { "requirements.txt": "django\n", "manage.py": "", "shop/tests.py": unittest };
    expect((await detected(files)).checks).toEqual({ test: ".venv/bin/python manage.py test" });
  });
});

describe("type checks and lint of a Python project", () => {
  const declared = "[project]\nname='x'\n[dependency-groups]\ndev=['mypy','ruff']\n";
  test.each<[string, Record<string, string>, string]>([
    ["by files in its configuration", { "mypy.ini": "[mypy]\nfiles = a.py\n" }, "mypy"],
    ["by packages", { "pyproject.toml": `${declared}[tool.mypy]\npackages=['x']\n` }, "mypy"],
    [
      "by tox",
      { "tox.ini": "[testenv]\ncommands = mypy --strict x/a.py\n", "x/a.py": "" },
      "mypy --strict x/a.py",
    ],
    ["by nox", { "noxfile.py": 'session.run("mypy", "x")\n', "x/a.py": "" }, "mypy x"],
    ["by its directory", { "src/x/a.py": "" }, "mypy src"],
    ["by its packages", { "x/__init__.py": "", "tests/__init__.py": "" }, "mypy x"],
    ["by nothing", { "a.py": "" }, "mypy ."],
  ])("look where it says so: %s", async (_, files, run) => {
    const { checks } = await detected({ "pyproject.toml": declared, ...files });
    expect(checks).toEqual({ typecheck: `.venv/bin/${run}`, lint: ".venv/bin/ruff check ." });
  });

  test("look at the format only where the project does", async () => {
    const hook = "repos:\n  - hooks:\n      - id: ruff-format\n";
    const { checks } = await detected({ "pyproject.toml": declared, ".pre-commit-config.yaml": hook });
    expect(checks).toMatchObject({ format: ".venv/bin/ruff format --check ." });
  });
});

describe("a Python project is installed in two steps", () => {
  const project = `[project]\nname='x'\ndependencies=['six']\n[dependency-groups]\ndev=['pytest']\nqa=['ruff']\n`;

  test.each<[string, Record<string, string>, string[], string[]]>([
    [
      "uv",
      { "pyproject.toml": project + setuptools, "uv.lock": "" },
      ["uv sync --frozen --no-install-project --group qa"],
      ["uv sync --frozen --group qa"],
    ],
    [
      "uv without a package",
      { "pyproject.toml": project, "uv.lock": "" },
      ["uv sync --frozen --group qa"],
      [],
    ],
    [
      "a workspace of uv's",
      {
        "pyproject.toml": "[tool.uv.workspace]\nmembers=['packages/*']\n",
        "uv.lock": "",
        "packages/a/pyproject.toml": project,
      },
      ["uv sync --frozen --no-install-workspace --all-packages --group qa"],
      ["uv sync --frozen --all-packages --group qa"],
    ],
    [
      "Poetry",
      {
        "pyproject.toml":
          "[tool.poetry]\nname='x'\n[tool.poetry.group.qa]\noptional=true\n[tool.poetry.group.qa.dependencies]\npytest='*'\n",
        "poetry.lock": "",
      },
      ["POETRY_VIRTUALENVS_IN_PROJECT=1 poetry install --no-interaction --no-root --with qa"],
      ["poetry install --no-interaction --only-root"],
    ],
    [
      "PDM",
      { "pyproject.toml": project + setuptools, "pdm.lock": "" },
      ["pdm install --frozen-lockfile --no-self"],
      ["pdm install --frozen-lockfile"],
    ],
    [
      "pip",
      { "pyproject.toml": project + setuptools },
      ["python3 -m venv .venv", ".venv/bin/pip install six pytest ruff"],
      [".venv/bin/pip install --no-deps -e ."],
    ],
    [
      "pip, by setup.cfg",
      {
        "setup.cfg":
          "[metadata]\nname = x\n[options]\ninstall_requires =\n    six>=1\n[options.extras_require]\ntest =\n    pytest\n",
        "setup.py": "from setuptools import setup\nsetup()\n",
      },
      ["python3 -m venv .venv", ".venv/bin/pip install 'six>=1' pytest"],
      [".venv/bin/pip install --no-deps -e ."],
    ],
    [
      "pip, by what a setup.py says",
      { "setup.py": "setup(name='x', install_requires=['six'], extras_require={'test': ['pytest']})\n" },
      ["python3 -m venv .venv", ".venv/bin/pip install six pytest"],
      [".venv/bin/pip install --no-deps -e ."],
    ],
    [
      "pip, by what only running a setup.py would tell",
      { "setup.py": "setup(name='x', install_requires=read(), extras_require={'test': ['pytest']})\n" },
      ["python3 -m venv .venv", ".venv/bin/pip install pytest"],
      [".venv/bin/pip install -e '.[test]'"],
    ],
    [
      "pip, with a requirements file that names the project itself",
      {
        "pyproject.toml": `${setuptools}[project]\nname='x'\ndependencies=['six']\n`,
        "requirements-dev.txt": "-e .\npytest\n",
      },
      ["python3 -m venv .venv", ".venv/bin/pip install six pytest"],
      [".venv/bin/pip install --no-deps -e ."],
    ],
  ])("%s", async (_, files, setup, build) => {
    const found = await detected({
      ...files,
      "packages/a/test_a.py": "import pytest\ndef test(): pass\n",
      ...passing,
    });
    expect(found).toMatchObject({ setup, build });
  });

  test("of which the first sees no sources: a changed README does not make it run again", async () => {
    const { setup } = await detectConfig(
      await hostFiles({
        "requirements.txt": "-r requirements/base.txt\n",
        "requirements/base.txt": "six\n",
        ...passing,
      }),
    );
    expect(setup).toMatchObject({ files: ["requirements.txt", "requirements/base.txt", ".python-version"] });
  });
});

describe("what a Python project's manifest says", () => {
  test("is quoted as one word of the shell", async () => {
    const requirement = `six; python_version < '3' and "$(touch x)" != \`id\``;
    const files = {
      "pyproject.toml": `[project]\nname='x'\ndependencies=[${JSON.stringify(requirement)}]\n`,
      ...passing,
    };
    expect(await pipInstalls(files)).toBe(
      `'six; python_version < '\\''3'\\'' and "$(touch x)" != \`id\`' pytest`,
    );
  });

  test("is refused with its line where it is no TOML", async () => {
    const directory = await hostFiles({ "pyproject.toml": "[project]\nname = \n" });
    await expect(detectConfig(directory)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/pyproject\.toml:2 is not valid TOML/),
    });
    const deep = await hostFiles({ "pyproject.toml": `a = ${"[".repeat(300_000)}` });
    await expect(detectConfig(deep)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("is followed to files beside each other, and not out of the project", async () => {
    const files = {
      "requirements.txt": "six\n",
      "requirements/dev.txt": "-r ../requirements.txt\npytest\n",
      ...passing,
    };
    expect(await pipInstalls(files)).toBe("-r requirements.txt -r requirements/dev.txt");
    const outside = { "requirements.txt": "pytest\n-r ../../etc/passwd\n-c /etc/hosts\n", ...passing };
    const { setup, build } = await detected(outside);
    expect(setup).toEqual(["python3 -m venv .venv", ".venv/bin/pip install pytest"]);
    expect(build).toEqual([".venv/bin/pip install -r requirements.txt"]);
  });

  test("may go in circles", async () => {
    const groups = "[dependency-groups]\na=[{include-group='b'},'pytest']\nb=[{include-group='a'}]\n";
    const files = {
      "pyproject.toml": `[project]\nname='x'\n${groups}`,
      "requirements.txt": "-r requirements.txt\n",
    };
    expect(await pipInstalls({ ...files, ...passing })).toBe("-r requirements.txt pytest");
  });

  test("is what each command is concluded from", async () => {
    const { because } = await detectProject(
      await hostFiles({
        "pyproject.toml": "[project]\nname='x'\n[dependency-groups]\nqa=['pytest']\n",
        ...passing,
      }),
    );
    expect(because.checks).toEqual({ test: "tests/test_a.py, and pytest in the group qa of pyproject.toml" });
    expect(because.setup[1]).toBe("the group qa of pyproject.toml");
  });
});
