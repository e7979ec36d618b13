import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Detected } from "../../../../../src/validation/detect/detected.js";
import { detectDeno } from "../../../../../src/validation/detect/node/deno.js";
import { detectNode } from "../../../../../src/validation/detect/node/node.js";
import { Project } from "../../../../../src/validation/detect/project.js";
import { setupFilesOf } from "../../../../../src/validation/detect/setup-files.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "forkbox-detect-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function detected(files: Record<string, string | object>, detect = detectNode): Promise<Detected> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), typeof content === "string" ? content : JSON.stringify(content));
  }
  const project = Project.open(directory);
  try {
    const found = await detect(project);
    if (found === undefined) throw new Error("nothing was detected");
    return found;
  } finally {
    project.close();
  }
}

/** What is run, without what it was concluded from. */
async function commands(files: Record<string, string | object>, detect = detectNode) {
  const { setup, install, build, checks } = await detected(files, detect);
  const runs = (found: { run: string }[]) => found.map(({ run }) => run);
  return {
    setup: runs(setup),
    install: runs(install),
    build: runs(build),
    checks: Object.fromEntries(Object.entries(checks).map(([name, { run }]) => [name, run])),
  };
}

const lock = { "package-lock.json": "{}" };
const pnpm = "PATH=~/.local/bin:$PATH pnpm";
const yarn = "PATH=~/.local/bin:$PATH yarn";

describe("a Node project without a config", () => {
  test("is built and checked by the scripts of its package.json", async () => {
    const scripts = { build: "vite build", typecheck: "tsc", lint: "eslint .", test: "vitest" };
    expect(await commands({ "package.json": { scripts }, ...lock })).toEqual({
      setup: ["npm ci --no-audit --no-fund"],
      install: [],
      build: ["npm run build"],
      checks: { typecheck: "npm run typecheck", lint: "npm run lint", test: "npm run test" },
    });
  });

  test("says of each command what it was concluded from, and of what it leaves out why", async () => {
    const scripts = { lint: "lint-staged", test: "jest --watch", "test:ci": "jest", build: "tsc -w" };
    const { setup, checks, leftOut } = await detected({ "package.json": { scripts }, ...lock });
    expect(setup[0]?.because).toBe("package-lock.json");
    expect(checks).toEqual({
      "test:ci": {
        run: "npm run test:ci",
        because: 'the script "test:ci" of package.json, as "test" never ends',
      },
    });
    expect(leftOut).toEqual([
      'the script "lint" of package.json, as it writes, and nothing tells how to look only',
      'the script "build" of package.json, as it never ends',
    ]);
  });

  test("has no check in npm's own script that says that there is no test", async () => {
    const test = 'echo "Error: no test specified" && exit 1';
    expect((await commands({ "package.json": { scripts: { test, lint: "x" } } })).checks).toEqual({
      lint: "npm run lint",
    });
  });

  test("is checked by scripts named alike, but by none that change files or never end", async () => {
    const names = [
      ...["type-check", "lint:js", "lint:fix", "test:unit", "smoke", "test:watch", "test:e2e:ui"],
      ...["dev", "start", "format"],
    ];
    const alike = Object.fromEntries(names.map((name) => [name, "x"]));
    expect(Object.keys((await commands({ "package.json": { scripts: alike } })).checks)).toEqual([
      ...["type-check", "lint:js", "test:unit", "smoke"],
    ]);
  });

  test.each([
    [{ lint: "eslint --fix .", "lint:check": "eslint ." }, { "lint:check": "npm run lint:check" }],
    [{ lint: "eslint --fix .", "lint:ci": "eslint --fix ." }, { lint: "npm exec --offline -c 'eslint .'" }],
    [{ lint: "eslint --fix 'a b'" }, { lint: `npm exec --offline -c 'eslint '\\''a b'\\'''` }],
    [{ "lint:js": "eslint --fix ." }, { "lint:js": "npm exec --offline -c 'eslint .'" }],
    [{ check: "biome check --write" }, { check: "npm exec --offline -c 'biome check'" }],
    [{ format: "prettier --write ." }, {}],
    [{ format: "prettier --check ." }, { format: "npm run format" }],
    [
      { format: "prettier --write .", "format:check": "prettier -c ." },
      { "format:check": "npm run format:check" },
    ],
    [
      { check: "npm run lint && npm test", lint: "x", test: "x" },
      { lint: "npm run lint", test: "npm run test" },
    ],
  ])("is linted without being changed: %j", async (scripts, checks) => {
    expect((await commands({ "package.json": { scripts: { ...scripts } } })).checks).toEqual(checks);
  });

  test("whose package.json is broken or a link is told so", async () => {
    await expect(detected({ "package.json": "{" })).rejects.toThrow(/not valid JSON/);
    await rm(join(directory, "package.json"));
    await symlink("/etc/hostname", join(directory, "package.json"));
    await expect(detected({})).rejects.toThrow(/must be a regular file/);
  });
});

describe("a Node project's package manager", () => {
  test.each([
    ["package-lock.json", "{}", "npm ci --no-audit --no-fund", "npm run test"],
    ["npm-shrinkwrap.json", "{}", "npm ci --no-audit --no-fund", "npm run test"],
    ["pnpm-lock.yaml", "", `${pnpm} install --frozen-lockfile`, `${pnpm} run test`],
    ["yarn.lock", "# yarn lockfile v1", `${yarn} install --frozen-lockfile`, `${yarn} run test`],
    ["yarn.lock", "__metadata:\n  version: 8", `${yarn} install --immutable`, `${yarn} run test`],
    ["bun.lock", "{}", "bun install --frozen-lockfile", "bun run test"],
  ])("is the one that wrote its %s", async (file, content, install, check) => {
    const { setup, checks } = await commands({ "package.json": { scripts: { test: "x" } }, [file]: content });
    expect({ install: setup.at(-1), checks }).toEqual({ install, checks: { test: check } });
  });

  test("is the one that packageManager names where there is no lockfile, or several", async () => {
    const scripts = { test: "x" };
    const named = { "package.json": { scripts, packageManager: "pnpm@9.1.0", dependencies: { a: "1" } } };
    expect((await commands(named)).setup.at(-1)).toBe(`${pnpm} install`);
    const several = { ...named, ...lock, "pnpm-lock.yaml": "" };
    expect((await commands(several)).setup.at(-1)).toBe(`${pnpm} install --frozen-lockfile`);
  });

  test.each([
    [{ "pnpm-lock.yaml": "lockfileVersion: '6.0'" }, undefined, undefined, " pnpm@8"],
    [{ "pnpm-lock.yaml": "lockfileVersion: '9.0'" }, undefined, undefined, " pnpm@10"],
    [{ "pnpm-lock.yaml": "lockfileVersion: '9.0'" }, "pnpm@9.1.0+sha512.aa", " pnpm;", " pnpm@9.1.0;"],
    [{ "pnpm-lock.yaml": "" }, "pnpm@9.1.0; echo oops", undefined, " pnpm@9.1.0"],
    [{ "yarn.lock": "# yarn lockfile v1" }, undefined, undefined, " yarn@1"],
    [{ "yarn.lock": "__metadata:\n  version: 6" }, undefined, undefined, " @yarnpkg/cli-dist@3"],
    [
      { "yarn.lock": "__metadata:\n  version: 8" },
      "yarn@4.1.0+sha224.aa",
      " yarn;",
      " @yarnpkg/cli-dist@4.1.0;",
    ],
    [{ "yarn.lock": "__metadata:\n  version: 8" }, "yarn@4.1.0", undefined, " @yarnpkg/cli-dist@4.1.0"],
  ])(
    "comes by corepack with a hash, else by npm, where it is missing, in a version that reads %j",
    async (files, packageManager, end, npm) => {
      const { setup } = await commands({ "package.json": { packageManager }, ...files });
      if (end !== undefined)
        expect(setup[0]).toContain(
          `if command -v corepack; then mkdir -p ~/.local/bin && corepack enable --install-directory ~/.local/bin${end} else`,
        );
      else expect(setup[0]).not.toContain("corepack");
      expect(setup[0]).toContain(`npm install -g --prefix ~/.local${npm}`);
    },
  );

  test("is the Yarn that the project brings", async () => {
    const { setup, checks } = await commands({
      "package.json": { scripts: { test: "x" } },
      "yarn.lock": "__metadata:\n  version: 8",
      ".yarnrc.yml": "yarnPath: .yarn/releases/yarn-4.1.0.cjs",
      ".yarn/releases/yarn-4.1.0.cjs": "",
    });
    expect(setup).toEqual(["node .yarn/releases/yarn-4.1.0.cjs install --immutable"]);
    expect(checks).toEqual({ test: "node .yarn/releases/yarn-4.1.0.cjs run test" });
  });
});

describe("a Node project's own lifecycle scripts", () => {
  const manifest = { scripts: { test: "x", prepare: "tsc", postinstall: "y" } };
  const npmDelete = (names: string) => `npm pkg delete ${names}`;
  test.each([
    [
      "package-lock.json",
      [npmDelete("scripts.postinstall scripts.prepare"), "npm ci --no-audit --no-fund"],
      ["npm run postinstall", "npm run prepare"],
    ],
    ["pnpm-lock.yaml", [`${pnpm} fetch`], [`${pnpm} install --frozen-lockfile --prefer-offline`]],
    [
      "yarn.lock",
      [npmDelete("scripts.postinstall scripts.prepare"), `${yarn} install --frozen-lockfile`],
      [`${yarn} install --frozen-lockfile`],
    ],
    [
      "bun.lock",
      ["bun pm pkg delete scripts.postinstall scripts.prepare", "bun install --frozen-lockfile"],
      ["bun install --frozen-lockfile"],
    ],
  ])(
    "run once its sources are there, those of its dependencies before (%s)",
    async (file, setup, install) => {
      const found = await commands({ "package.json": manifest, [file]: "" });
      expect(found.setup.filter((run) => !/command -v/.test(run))).toEqual(setup);
      expect(found.install).toEqual(install);
    },
  );

  test("of the workspace's packages do too", async () => {
    const member = { scripts: { prepare: "tsc" } };
    const { setup, install } = await commands({
      "package.json": { workspaces: ["packages/*"] },
      "packages/a/package.json": { name: "a", ...member },
      "packages/b/package.json": { name: "b", ...member },
      ...lock,
    });
    expect(setup[0]).toBe(
      'for at in packages/a packages/b; do npm pkg delete scripts.prepare --prefix "$at" || exit; done',
    );
    expect(install).toEqual(["npm install --no-save --prefer-offline --no-audit --no-fund"]);
  });

  test("are taken out of a read-only manifest, too", async () => {
    const file = join(directory, "package.json");
    await writeFile(file, JSON.stringify(manifest));
    await chmod(file, 0o444);
    const { setup } = await commands(lock);
    expect(setup[0]).toBe("chmod u+w package.json");
  });

  test("do not run where its .npmrc says so", async () => {
    const { setup, install } = await commands({
      "package.json": manifest,
      ...lock,
      ".npmrc": "ignore-scripts=true\n",
    });
    expect({ setup, install }).toEqual({ setup: ["npm ci --no-audit --no-fund"], install: [] });
  });

  test("need no setup to see the sources, but what it installs of the project", async () => {
    const dependencies = { a: "file:vendor/a", b: "file:vendor/b.tgz", c: "file:../c" };
    const files = { "vendor/a/index.js": "", "vendor/a/package.json": {}, "package.json": { dependencies } };
    expect(
      (await detected({ ...files, "yarn.lock": "" })).setupFiles?.slice(setupFilesOf.node.length),
    ).toEqual(["vendor/a", "vendor/b.tgz"]);
    await rm(join(directory, "yarn.lock"));
    // npm links it: its manifest is enough.
    expect((await detected({ ...files, ...lock })).setupFiles?.slice(setupFilesOf.node.length)).toEqual([
      "vendor/b.tgz",
    ]);
  });
});

describe("a workspace", () => {
  const packages = {
    "packages/a/package.json": { name: "a", scripts: { test: "x", "type-check": "tsc" } },
    "packages/b/package.json": { name: "b", scripts: { test: "x", lint: "eslint --fix ." } },
    "packages/none/package.json": { name: "none" },
    "elsewhere/package.json": { name: "elsewhere", scripts: { smoke: "x" } },
  };
  const workspaces = { "package.json": { workspaces: ["packages/*"], scripts: { lint: "eslint ." } } };

  test.each([
    ["package-lock.json", "npm run test --workspaces --if-present"],
    ["pnpm-lock.yaml", `${pnpm} -r --if-present run test`],
    ["bun.lock", "bun run --filter '*' test"],
    ["yarn.lock", `${yarn} --cwd packages/a run test && ${yarn} --cwd packages/b run test`],
  ])("is checked by the scripts of its packages where it has none of the kind (%s)", async (file, check) => {
    const ofPnpm = file === "pnpm-lock.yaml" ? { "pnpm-workspace.yaml": "packages: ['packages/*']" } : {};
    const { checks } = await commands({ ...packages, ...workspaces, ...ofPnpm, [file]: "" });
    expect(Object.keys(checks)).toEqual(["type-check", "lint", "test"]);
    expect(checks.test).toBe(check);
    expect(checks.lint).toMatch(/run lint$/);
  });

  test("of Yarn 2 and later has them run by name", async () => {
    const { checks } = await commands({
      ...packages,
      ...workspaces,
      "yarn.lock": "__metadata:\n  version: 8",
    });
    expect(checks.test).toBe(`${yarn} workspace a run test && ${yarn} workspace b run test`);
  });

  test("whose packages write where they lint is linted without", async () => {
    const { checks } = await commands({
      ...packages,
      "package.json": { workspaces: ["packages/*"] },
      ...lock,
    });
    expect(checks.lint).toBe("(cd packages/b && npm exec --offline -c 'eslint .')");
    const root = { workspaces: ["packages/*"], scripts: { lint: "turbo run lint", test: "turbo run test" } };
    const withTurbo = await commands({ ...packages, "package.json": root, ...lock });
    expect(withTurbo.checks).toMatchObject({ lint: checks.lint, test: "npm run test" });
  });

  test("leaves out what a glob excludes, and globs that no time is enough for", async () => {
    const globs = ["packages/*", "!packages/b", `${"*a".repeat(99)}`, "a/".repeat(5000)];
    const { checks } = await commands({
      ...packages,
      "package.json": { workspaces: { packages: globs } },
      ...lock,
    });
    expect(checks).toEqual({
      "type-check": "npm run type-check --workspaces --if-present",
      test: "npm run test --workspaces --if-present",
    });
  });

  test("is built by its packages' scripts where it has none, and installed again where these have programs", async () => {
    const { build, install } = await commands({
      "package.json": { workspaces: ["packages/*"] },
      "packages/a/package.json": { name: "a", bin: "cli.js", scripts: { build: "x" } },
      ...lock,
    });
    expect(build).toEqual(["npm run build --workspaces --if-present"]);
    expect(install).toEqual(["npm install --no-save --prefer-offline --no-audit --no-fund"]);
  });
});

describe("a TypeScript project without a script that checks types", () => {
  const manifest = { scripts: { test: "x" }, devDependencies: { typescript: "5" } };
  const typecheck = async (tsconfig: string, files: Record<string, string | object> = { "src/a.ts": "" }) => {
    const found = await detected({ "package.json": manifest, "tsconfig.json": tsconfig, ...files });
    return found.checks.typecheck?.run ?? found.leftOut?.[0];
  };
  const tsc = "npm exec --offline -- tsc --noEmit";

  test.each([
    ["{}", tsc],
    ['{ // comment\n "include": ["src",], /* "files": [] */ }', tsc],
    ['{ "include": ["**/*.ts"] }', tsc],
    ['{ "files": ["src/a.ts"] }', tsc],
    ['{ "files": [] }', "tsc, as tsconfig.json names no files: it is a base of others"],
    ['{ "files": [], "references": [{ "path": "src" }] }', "npm exec --offline -- tsc -b"],
    ['{ "include": ["lib"] }', "tsc, as there is no file that tsconfig.json names"],
    [
      '{ "extends": "./.nuxt/tsconfig.json" }',
      "tsc, as tsconfig.json extends ./.nuxt/tsconfig.json, which is not there",
    ],
    ['{ "extends": "@tsconfig/node20/tsconfig.json" }', tsc],
    ["{ no json", "tsc, as tsconfig.json can't be read"],
  ])("is checked by tsc where its tsconfig.json is a whole project: %s", async (tsconfig, expected) => {
    expect(await typecheck(tsconfig)).toBe(expected);
  });

  test("has the files of what its tsconfig.json extends", async () => {
    const base = { "base.json": '{ "include": ["nowhere"] }', "src/a.ts": "" };
    expect(await typecheck('{ "extends": "./base" }', base)).toMatch(/no file/);
    expect(await typecheck('{ "extends": ["./base.json"], "include": ["src"] }', base)).toBe(tsc);
    expect(await typecheck('{ "extends": "./tsconfig.json" }')).toMatch(/extends/);
  });

  test("is not checked by what an editor opens where another config says what is compiled", async () => {
    const built = { "tsconfig.dts.json": '{ "exclude": ["examples"] }', "src/a.ts": "", "examples/b.ts": "" };
    expect(await typecheck("{}", built)).toMatch(/^tsc, as tsconfig\.dts\.json is what is compiled/);
    expect(await typecheck('{ "include": ["src"] }', built)).toBe(tsc);
  });

  test("is left to its own compiler where it has files that tsc does not know", async () => {
    const svelte = { ...manifest, devDependencies: { typescript: "5", svelte: "5" } };
    const left = await detected({ "package.json": svelte, "tsconfig.json": "{}", "a.ts": "" });
    expect(left.leftOut).toEqual(["tsc, as svelte has files that it does not know"]);
    const vue = { ...manifest, devDependencies: { typescript: "5", vue: "3", "vue-tsc": "2" } };
    const found = await commands({ "package.json": vue });
    expect(found.checks.typecheck).toBe("npm exec --offline -- vue-tsc --noEmit");
  });

  test("is left alone without TypeScript of its own, where a script runs tsc, and as a workspace's base", async () => {
    const none = async (manifest: object) => (await commands({ "package.json": manifest })).checks;
    await commands({ "package.json": manifest, "tsconfig.json": "{}", "a.ts": "" });
    expect(await none({ scripts: { test: "x" } })).not.toHaveProperty("typecheck");
    expect(await none({ ...manifest, scripts: { build: "tsc -p ." } })).not.toHaveProperty("typecheck");
    expect(await none({ ...manifest, workspaces: ["x"] })).toHaveProperty("typecheck");
    await mkdir(join(directory, "x"));
    await writeFile(join(directory, "x/package.json"), "{}");
    expect(await none({ ...manifest, workspaces: ["x"] })).not.toHaveProperty("typecheck");
  });
});

describe("tests that no script runs", () => {
  test("are run by Bun in its projects, and by Node where they import node:test", async () => {
    const bun = { "package.json": {}, "bun.lock": "", "src/a.test.ts": 'import "bun:test"' };
    expect((await commands(bun)).checks).toEqual({ test: "bun test" });
    await rm(join(directory, "bun.lock"));
    const other = { "test/a.js": 'import { test } from "mocha"', "test/helper.ts": 'import "node:test"' };
    expect((await commands({ "package.json": {}, ...other })).checks).toEqual({});
    const own = { "test/b.js": 'import { test } from "node:test"' };
    expect((await commands({ "package.json": {}, ...own })).checks).toEqual({ test: "node --test" });
  });
});

describe("a Deno project without a config", () => {
  test("is checked by its tasks, else by Deno's own tools as it configures them", async () => {
    const tasks = { lint: "deno lint", test: { command: "deno test -A" }, dev: "deno run --watch main.ts" };
    expect(
      await commands(
        { "deno.jsonc": `{ "tasks": ${JSON.stringify(tasks)}, }`, "deno.lock": "{}" },
        detectDeno,
      ),
    ).toMatchObject({
      setup: [expect.stringMatching(/^command -v deno \|\|/), "deno install --frozen"],
      checks: { lint: "deno task lint", test: "deno task test" },
    });
    await rm(join(directory, "deno.jsonc"));
    const own = { "deno.json": { fmt: {}, lint: {} }, "a_test.ts": "" };
    expect(await commands(own, detectDeno)).toMatchObject({
      install: ["deno test --no-run --no-check"],
      checks: { lint: "deno lint", "fmt:check": "deno fmt --check", test: "deno test --allow-all" },
    });
  });

  test("is none where deno.json is for a package of Node's", async () => {
    await expect(detected({ "deno.json": {}, "package.json": {} }, detectDeno)).rejects.toThrow(
      "nothing was detected",
    );
  });
});
