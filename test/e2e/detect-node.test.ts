import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hostFiles } from "../support/scratch.js";
import { describeValidation, printed, validated, validateFiles } from "../support/validating.js";

const passing = 'import { test } from "node:test"; test("a", () => {});';
const failing = 'import { test } from "node:test"; test("a", () => { throw new Error("WRONG"); });';

/** Stands for a linter: with --fix it mends what is wrong and passes, without it fails. */
const linter = `import { readFileSync, writeFileSync } from "node:fs";
const text = readFileSync("main.js", "utf8");
const right = text.replaceAll("var ", "let ");
if (process.argv.includes("--fix")) writeFileSync("main.js", right);
else if (text !== right) throw new Error("var is not allowed");`;

/** Stands for a dependency with a program: it fails where a file of the sources says so. */
const compiler = {
  "tools/tsc/package.json": JSON.stringify({ name: "typescript", version: "5.0.0", bin: { tsc: "tsc.js" } }),
  "tools/tsc/tsc.js": `#!/usr/bin/env node
const { readFileSync } = require("node:fs");
console.log(process.argv.slice(2).join(" "));
if (readFileSync("a.ts", "utf8").includes("WRONG")) process.exit(2);`,
};

function manifest(fields: object): Record<string, string> {
  return { "package.json": JSON.stringify({ name: "x", version: "1.0.0", type: "module", ...fields }) };
}

function isHere(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

await describeValidation("a Node project without a config, on the local engine", () => {
  test.each([
    ["passes", passing, "let a;", { lint: "passed", test: "passed" }],
    ["fails", failing, "var a;", { lint: "failed", test: "failed" }],
  ])("%s by its tests, and by its lint without what makes that mend", async (_, tests, main, verdicts) => {
    const scripts = { lint: "node lint.js --fix", test: "node --test" };
    const files = { ...manifest({ scripts }), "lint.js": linter, "main.js": main, "test/a.test.js": tests };
    expect((await validateFiles(files)).verdicts).toEqual(verdicts);
  });

  test("is linted by the script that only looks", async () => {
    const scripts = { lint: "node lint.js --fix", "lint:check": "node lint.js" };
    const files = { ...manifest({ scripts }), "lint.js": linter, "main.js": "var a;" };
    const { verdicts, events } = await validateFiles(files);
    expect(verdicts).toEqual({ "lint:check": "failed" });
    expect(printed(events, "lint:check")).toContain("var is not allowed");
  });

  test("whose tests no script runs has them run where they are Node's", async () => {
    const files = { ...manifest({}), "test/a.test.js": failing };
    expect((await validateFiles(files)).verdicts).toEqual({ test: "failed" });
  });

  test.each([
    ["passed", "const a = 1;"],
    ["failed", "WRONG"],
  ])("is checked by the tsc of its dependencies: %s", async (verdict, source) => {
    const files = {
      ...manifest({ devDependencies: { typescript: "file:tools/tsc" } }),
      ...compiler,
      "tsconfig.json": '{ "include": ["*.ts"], /* "files": [] */ }',
      "a.ts": source,
    };
    const { verdicts, events } = await validateFiles(files);
    expect(verdicts).toEqual({ setup: "passed", build: "passed", typecheck: verdict });
    expect(printed(events, "typecheck")).toContain("--noEmit");
  });

  test("has its lifecycle scripts run with its sources, and its dependencies' once for all changes", async () => {
    const scripts = {
      postinstall: "node own.js postinstall",
      prepare: "node own.js prepare",
      test: "cat made-* node_modules/dep/made-by-dep",
    };
    const directory = await hostFiles({
      ...manifest({ scripts, dependencies: { dep: "file:dep" } }),
      "own.js":
        'import { writeFileSync } from "node:fs"; writeFileSync("made-" + process.argv[2], process.argv[2]);',
      "dep/package.json": JSON.stringify({
        name: "dep",
        version: "1.0.0",
        scripts: { postinstall: "echo dep > made-by-dep" },
      }),
    });
    const first = await validated({ directories: [directory] });
    expect(first.verdicts).toEqual({ setup: "passed", build: "passed", test: "passed" });
    expect(printed(first.events, "test")).toMatch(/postinstall\s*prepare\s*dep/);
    await writeFile(join(directory, "README"), "changed");
    const second = await validated({ directories: [directory] });
    expect(second.verdicts).toEqual(first.verdicts);
    expect(second.check("setup").cached).toBe(true);
  });

  test("that is a workspace is checked by the scripts of its packages", async () => {
    const member = (name: string, script: string, fields = {}) => ({
      [`packages/${name}/package.json`]: JSON.stringify({
        name,
        version: "1.0.0",
        scripts: { test: script },
        ...fields,
      }),
    });
    const { verdicts, events } = await validateFiles({
      ...manifest({ workspaces: ["packages/*"] }),
      ...member("a", "echo ran-a && cli", { dependencies: { b: "1.0.0" } }),
      ...member("b", "echo ran-b && exit 3", { bin: { cli: "cli.js" } }),
      "packages/b/cli.js": "#!/usr/bin/env node\nconsole.log('ran-cli');",
    });
    expect(verdicts).toEqual({ setup: "passed", build: "passed", test: "failed" });
    const output = printed(events, "test");
    for (const word of ["ran-a", "ran-cli", "ran-b"]) expect(output).toContain(word);
  });

  test("whose package manager is nowhere is told which one and where to name it", async (context) => {
    if (isHere("deno")) context.skip("deno is here");
    const { verdicts, events } = await validateFiles({ "deno.json": "{}", "a_test.ts": "" });
    expect(verdicts).toMatchObject({ setup: "error" });
    expect(printed(events, "setup")).toContain(
      "deno.json asks for deno, which is not here: see --base and --host-path",
    );
  });

  test("of pnpm has that brought, and a dependency of the registry", async () => {
    const { verdicts, events } = await validateFiles({
      ...manifest({
        packageManager:
          "pnpm@9.15.9+sha512.68046141893c66fad01c079231128e9afb89ef87e2691d69e4d40eee228988295fd4682181bae55b58418c3a253bde65a505ec7c5f9403ece5cc3cd37dcf2531",
        scripts: {
          prepare: "node -p \"'prepared ' + require('is-number')(1)\"",
          test: "pnpm run nested",
          nested: "node --test",
        },
        dependencies: { "is-number": "7.0.0" },
        type: "commonjs",
      }),
      "pnpm-lock.yaml": `lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      is-number:
        specifier: 7.0.0
        version: 7.0.0
packages:
  is-number@7.0.0:
    resolution: {integrity: sha512-41Cifkg6e8TylSpdtTpeLVMqvSBEVzTttHvERD741+pnZ8ANv0004MRL43QKPDlK9cGvNp6NZWZUBlbGXYxxng==}
    engines: {node: '>=0.12.0'}
snapshots:
  is-number@7.0.0: {}
`,
      "test/a.test.cjs": 'require("node:test").test("a", () => {});',
    });
    expect(verdicts).toEqual({ setup: "passed", build: "passed", test: "passed" });
    expect(printed(events, "build")).toContain("prepared true");
  });
});
