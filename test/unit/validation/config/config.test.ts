import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Config, parseConfig } from "../../../../src/validation/config/config.js";
import { candidateConfig, givenConfig, operatorConfig } from "../../../../src/validation/config/source.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "forkbox-config-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function candidate(yaml: string): Promise<Config> {
  await writeFile(join(directory, "forkbox.yaml"), yaml);
  const source = await candidateConfig(directory);
  if (source === undefined) throw new Error("no config was found");
  return parseConfig(source, "candidate");
}

async function operator(yaml: string): Promise<Config> {
  const file = join(directory, "operator.yaml");
  await writeFile(file, yaml);
  return parseConfig(await operatorConfig(file), "operator");
}

const refused = (yaml: string, message: RegExp, line?: number) =>
  expect(candidate(yaml)).rejects.toMatchObject({
    name: "SandboxError",
    code: "INVALID_ARGUMENT",
    operation: "validate",
    path: join(directory, "forkbox.yaml"),
    message: expect.stringMatching(
      new RegExp(
        `^${join(directory, "forkbox.yaml")}${line === undefined ? "" : `:${line}`}: .*${message.source}`,
      ),
    ),
  });

describe("a config", () => {
  test("may be written short or long, and comes out the same", async () => {
    const config = await candidate(
      'setup: { run: [npm ci], files: ["package*.json"] }\nbuild: npm run build\nchecks:\n' +
        "  typecheck: npx tsc --noEmit\n" +
        '  test: { run: npm test, timeoutMs: 300000, artifacts: ["coverage/**"] }\n' +
        "  smoke: { run: [a, b], needs: [typecheck], from: test }\n",
    );
    expect(config.setup).toEqual({ commands: ["npm ci"], timeoutMs: 600_000, files: ["package*.json"] });
    expect(config.build).toEqual({ commands: ["npm run build"], timeoutMs: 600_000, artifacts: [] });
    expect(config.checks).toEqual([
      { name: "typecheck", commands: ["npx tsc --noEmit"], timeoutMs: 600_000, artifacts: [], needs: [] },
      { name: "test", commands: ["npm test"], timeoutMs: 300_000, artifacts: ["coverage/**"], needs: [] },
      {
        ...{ name: "smoke", commands: ["a", "b"], timeoutMs: 600_000, artifacts: [] },
        ...{ needs: ["typecheck", "test"], from: "test" },
      },
    ]);
  });

  test("may stand under the forkbox key of package.json, with lines in its errors", async () => {
    const manifest = join(directory, "package.json");
    await writeFile(manifest, '{\n\t"name": "x",\n\t"forkbox": {\n\t\t"checks": { "a": "true" }\n\t}\n}\n');
    const source = await candidateConfig(directory);
    if (source === undefined) throw new Error("no config was found");
    expect(parseConfig(source, "candidate").checks).toMatchObject([{ name: "a", commands: ["true"] }]);
    await writeFile(
      manifest,
      '{\n  "forkbox": {\n    "checks": {\n      "a": "b",\n      "a": "c"\n    }\n  }\n}\n',
    );
    await expect(candidateConfig(directory)).rejects.toMatchObject({
      path: manifest,
      message: expect.stringContaining("package.json:5: this name is already taken"),
    });
  });

  test("is not looked for through a link, which could point at any file of the host", async () => {
    await symlink("/etc/passwd", join(directory, "forkbox.yaml"));
    await expect(candidateConfig(directory)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("must be a regular file"),
    });
  });

  test("that isn't there is no error", async () => {
    await writeFile(join(directory, "package.json"), '{"name": "forkbox", "keywords": ["forkbox"]}');
    expect(await candidateConfig(directory)).toBeUndefined();
  });
});

describe("a mistake in a config is told with its line:", () => {
  test.each([
    ["an unknown key", "chekcs:\n  a: b\n", /unknown key "chekcs"\. Did you mean "checks"\?/, 1],
    [
      "one in a check",
      "checks:\n  a:\n    run: b\n    timoutMs: 3\n",
      /unknown key "timoutMs" in checks\.a\. Did you mean "timeoutMs"/,
      4,
    ],
    [
      "one like nothing known",
      "checks: {a: b}\nzzzzzzzz: 1\n",
      /unknown key "zzzzzzzz"\. Known: setup, build, checks/,
      2,
    ],
    ["two checks of one name", "checks:\n  a: b\n  a: c\n", /this name is already taken/, 3],
    [
      "a cycle",
      "checks:\n  a: {run: x, needs: [b]}\n  b: {run: x, from: c}\n  c: {run: x, needs: [a]}\n",
      /wait for each other: a → b → c → a/,
      2,
    ],
    ["a check that needs itself", "checks:\n  a: {run: x, needs: [a]}\n", /a → a/, 2],
    [
      "a need that is no check",
      "checks:\n  test: x\n  a: {run: x, needs: [tets]}\n",
      /"tets", which is no check\. Did you mean "test"/,
      3,
    ],
    [
      "a from that is no check",
      "checks:\n  a:\n    run: x\n    from: zzzzzz\n",
      /from of "a" names "zzzzzz".*There are: a\./,
      4,
    ],
    ["no checks", "build: make\n", /no checks, and what checks nothing can't pass/, undefined],
    ["an empty file", "", /no checks/, undefined],
    ["a timeout of nothing", "checks:\n  a: {run: x, timeoutMs: 0}\n", /timeoutMs must be at least 1/, 2],
    ["a negative timeout", "checks:\n  a: {run: x, timeoutMs: -5}\n", /timeoutMs must be at least 1/, 2],
    [
      "a timeout that is no number",
      "checks:\n  a: {run: x, timeoutMs: .nan}\n",
      /timeoutMs must be a number, not NaN/,
      2,
    ],
    [
      "a timeout in words",
      "checks:\n  a: {run: x, timeoutMs: 5m}\n",
      /timeoutMs must be a number, not a string/,
      2,
    ],
    ["a check that is empty", "checks:\n  a:\n", /checks\.a can't be empty/, 2],
    [
      "a check that is true",
      "checks:\n  a: true\n",
      /checks\.a can't be a boolean.*quote it, as in a: "true"/,
      2,
    ],
    [
      "a run that is true",
      "checks:\n  a: {run: true}\n",
      /checks\.a\.run can't be a boolean.*as in run: "true"/,
      2,
    ],
    ["a command that is blank", 'checks:\n  a: " "\n', /checks\.a must be a command, not empty/, 2],
    [
      "artifacts outside",
      "checks:\n  a: {run: x, artifacts: [../b]}\n",
      /must be a glob relative to the project/,
      2,
    ],
    [
      "artifacts outside, in braces",
      'checks:\n  a: {run: x, artifacts: ["x/{..,y}/b"]}\n',
      /must be a glob relative/,
      2,
    ],
    [
      "artifacts from the root",
      "checks:\n  a: {run: x, artifacts: [/etc]}\n",
      /must be a glob relative to the project/,
      2,
    ],
    ["a name with a slash", "checks:\n  ../a: x\n", /"\.\.\/a" can't be a name here/, 2],
    ["a name that a stage has", "checks:\n  build: x\n", /"build" can't be a name here/, 2],
    ["a list for a config", "- a\n", /a config must be a map, not a list/, undefined],
    ["broken YAML", "checks: [\n", /./, 2],
    ["an alias of nothing", "checks: *x\n", /Unresolved alias/, undefined],
  ])("%s", (_, yaml, message, line) => refused(yaml, message, line));
});

describe("a candidate's config can't grant itself", () => {
  const checks = "checks: {a: b}\n";
  test.each([
    ["a base", `base: {host: true, paths: [/root]}\n${checks}`, /"base".*--base.*--trust-config/, 1],
    ["an engine", `engine: dagger\n${checks}`, /"engine".*--engine/, 1],
    ["a user", `${checks}user: root\n`, /"user".*--user/, 2],
    ["secrets", `secrets: [TOKEN]\n${checks}`, /"secrets".*--secret/, 1],
    ["the host's environment", `env: [HOME]\n${checks}`, /"env".*--env/, 1],
    ["network", `network: "on"\n${checks}`, /"network".*--network/, 1],
    ["caches", `caches: {npm: /root/.npm}\n${checks}`, /"caches".*--cache/, 1],
    ["sources", `sources: {gitignore: false}\n${checks}`, /"sources".*--config FILE/, 1],
    ["an output directory", `out: /etc\n${checks}`, /"out".*--out/, 1],
    ["report files", `reports: {json: /etc/passwd}\n${checks}`, /"reports".*--report/, 1],
    [
      "network for one check",
      "checks:\n  a:\n    run: b\n    network: on\n",
      /"checks\.a\.network".*--network/,
      4,
    ],
    ["secrets for one check", "checks:\n  a: {run: b, secrets: [X]}\n", /"checks\.a\.secrets".*--secret/, 2],
    ["secrets for setup", `setup: {run: x, secrets: [X]}\n${checks}`, /"setup\.secrets".*--secret/, 1],
    ["environment for build", `build: {run: x, env: [X]}\n${checks}`, /"build\.env".*--env/, 1],
  ])("%s", (_, yaml, message, line) => refused(yaml, message, line));

  test("anything by writing it wrongly", () => refused("network: true\nchecks: 3\n", /"network"/, 1));
});

describe("an operator's config", () => {
  test("may grant all of it, with host paths that start at the file", async () => {
    const config = await operator(
      "base: {rootfs: tree}\nengine: local\nuser: root\nsecrets: [TOKEN]\nenv: [HOST]\nnetwork: on\n" +
        "caches: {npm: /home/sandbox/.npm}\nout: results\nreports: {junit: out.xml}\n" +
        "sources: {exclude: [big/**], gitignore: false}\n" +
        "checks:\n  a: {run: b, network: off, secrets: [OTHER]}\n",
    );
    expect(config).toMatchObject({
      ...{ base: { rootfs: join(directory, "tree") }, engine: "local", user: "root", network: "on" },
      ...{ secrets: ["TOKEN"], env: ["HOST"], caches: { npm: "/home/sandbox/.npm" } },
      ...{ out: join(directory, "results"), reports: { junit: join(directory, "out.xml") } },
      checks: [{ name: "a", network: "off", secrets: ["OTHER"] }],
    });
  });

  test("that is missing is told by its path", async () => {
    await expect(operatorConfig(join(directory, "none.yaml"))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      path: join(directory, "none.yaml"),
    });
  });

  test("may be an object, checked alike", () => {
    expect(parseConfig(givenConfig({ checks: { a: "b" } }), "operator").from).toBe("given");
    expect(() => parseConfig(givenConfig({ checks: { a: { rum: "b" } } }), "operator")).toThrow(
      /the given config's checks\.a\.rum: unknown key "rum" in checks\.a\. Did you mean "run"\?/,
    );
  });
});
