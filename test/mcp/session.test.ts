import { mkdirSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";
import { type Connected, connectStdio, type Era, serveHttp } from "../support/mcp.js";
import { hostDirectory } from "../support/scratch.js";

const engine = await probeLocal();
const app = [
  {
    path: "app/package.json",
    content: JSON.stringify({
      name: "app",
      type: "module",
      scripts: {
        build: "mkdir -p dist && cp src/*.js dist/",
        test: "node --test",
        lint: "node --check src/add.js",
      },
    }),
  },
  { path: "app/src/add.js", content: "export const add = (a, b) => a - b;\n" },
  {
    path: "app/test/add.test.js",
    content: [
      'import assert from "node:assert/strict";',
      'import { test } from "node:test";',
      'import { add } from "../dist/add.js";',
      'test("adds", () => assert.equal(add(2, 3), 5));',
      "",
    ].join("\n"),
  },
];

interface Step {
  name: string;
  verdict: string;
  tail?: string;
}

/** Writes an app with a mistake, sees it fail, repairs it, sees it pass, and takes it out. */
async function wholeSession({ call }: Connected, root: string): Promise<void> {
  const { sandbox_id } = await call("create_sandbox");
  expect(await call("write_files", { sandbox_id, files: app })).toMatchObject({ written: 3 });
  const listed = await call("list_directory", { sandbox_id, path: "app" });
  expect(listed.entries).toMatchObject([{ name: "package.json" }, { name: "src" }, { name: "test" }]);

  const first = await call("validate", { sandbox_id, path: "app" });
  expect(first).toMatchObject({ state: "exited", passed: false, verdict: "failed" });
  const steps = first.steps as Step[];
  expect(steps.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual([
    "test failed",
    "sources passed",
    "build passed",
    "lint passed",
  ]);
  expect(steps[0]?.tail).toContain("-1 !== 5");
  const stream = { run_id: first.run_id, stream: "check:test", grep: "not ok|failureType" };
  expect((await call("read_output", stream)).text).toContain("testCodeFailure");

  const edit = { sandbox_id, path: "app/src/add.js", old_text: "a - b", new_text: "a + b" };
  expect(await call("edit_file", edit)).toMatchObject({ replaced: 1 });
  expect(await call("validate", { sandbox_id, path: "app" })).toMatchObject({
    passed: true,
    verdict: "passed",
  });

  const exported = await call("export_directory", { sandbox_id, path: "app", host_path: "out" });
  expect(exported).toMatchObject({ host_path: join(root, "out"), files: 3 });
  expect(await readFile(join(root, "out/src/add.js"), "utf8")).toContain("a + b");
  expect(await call("close_sandbox", { sandbox_id })).toEqual({ closed: sandbox_id, left: [] });
  expect(await readdir(root)).toEqual(["out"]);
}

describe("a whole session with the official client", () => {
  if ("unavailable" in engine) {
    test("the local engine answers", (context) => {
      if (isRequired("local")) expect.fail(engine.unavailable);
      context.skip(engine.unavailable);
    });
    return;
  }

  test.each<Era>(["modern", "legacy"])("on stdio, in the %s revision", async (era) => {
    const root = await hostDirectory();
    await using connected = await connectStdio(["--root", root], { era });
    await wholeSession(connected, root);
  });

  test("over HTTP, in both revisions from one server", async () => {
    const root = await hostDirectory();
    await using served = await serveHttp(["--root", root]);
    await using modern = await served.connect({ era: "modern" });
    await wholeSession(modern, root);
    mkdirSync(join(root, "second"));
    await using legacy = await served.connect({ era: "legacy" });
    const { sandbox_id } = await legacy.call("create_sandbox");
    expect(await legacy.call("exec", { sandbox_id, command: "exit 4" })).toMatchObject({ exit_code: 4 });
    // The token says who somebody is, whatever they speak.
    expect(await modern.call("list_sandboxes")).toMatchObject({ sandboxes: [{ sandbox_id }] });
  });
});
