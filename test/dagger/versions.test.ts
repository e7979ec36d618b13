import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { dagger } from "../../src/engines/dagger/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { hostDirectory, hostFiles } from "../support/scratch.js";
import { ScriptedDagger } from "../support/scripted-dagger.js";

const LOAD = /\bload(Container|Directory|Secret)FromID\(id:/;
const NODE = /\bnode\(id:"[^"]*"\)\{\.\.\.on (Container|Directory|Secret)\{/;

const TYPES = new Set(["Container", "Directory", "Secret"]);

const typesIn = (queries: readonly string[], form: RegExp) =>
  new Set(queries.map((query) => form.exec(query)?.[1]));

/** Everything that takes an ID, in the form of the API that an engine of its version has. */
async function queriesOf(version: string): Promise<string[]> {
  const scripted = await ScriptedDagger.start();
  scripted.version = version;
  scripted.leaf = (path) => ({ fileType: "DIRECTORY", size: 0, permissions: 0o755 })[path.at(-1) as string];
  scripted.script = (query) =>
    query.includes('stat(path:"/workspace/new"')
      ? { errors: [{ message: "stat /workspace/new: no such file or directory" }] }
      : undefined;
  const stateDirectory = await hostDirectory();
  await using engine = dagger({ engines: ["scripted://here"], cli: await scripted.cli(), stateDirectory });
  await using sandbox = await Sandbox.create({
    engine,
    base: { image: "some" },
    secrets: { S: "some-secret" },
  });
  // Long enough for the session to make sure that its engine is still the same.
  await sleep(150);
  expect((await sandbox.exec("true")).exitCode).toBe(0);
  await sandbox.refreshFromHost(await hostFiles({ file: "text" }), "/workspace");
  await sandbox.writeFile("new", "text");
  return scripted.queries.filter((query) => query.includes("(id:"));
}

describe("the form of Dagger's API", () => {
  for (const version of ["v0.19.9", "0.19.11", "v0.20.1", "v0.20.8", "v0.21.0"]) {
    test(`for an engine ${version} loads each type by a field of its own`, async () => {
      const queries = await queriesOf(version);
      expect(typesIn(queries, LOAD)).toEqual(TYPES);
      for (const query of queries) {
        expect(query).toMatch(LOAD);
        expect(query).not.toMatch(/\bnode\(/);
      }
    });
  }

  for (const version of ["v0.21.1", "v0.21.8", "v0.22.0-dev", "v1.0.0-beta.10", "v1.2.3", "built by hand"]) {
    test(`for an engine ${version} loads all by node(id)`, async () => {
      const queries = await queriesOf(version);
      expect(typesIn(queries, NODE)).toEqual(TYPES);
      for (const query of queries) {
        expect(query).toMatch(NODE);
        expect(query).not.toMatch(LOAD);
      }
    });
  }
});
