import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { diagnose } from "../../src/engines/dagger/admin.js";
import { dagger } from "../../src/engines/dagger/index.js";
import type { SandboxError } from "../../src/errors.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { expectCode } from "../support/errors.js";
import { descendants, untilNone } from "../support/leftovers.js";
import { hostDirectory } from "../support/scratch.js";
import { ScriptedDagger, scriptedCli } from "../support/scripted-dagger.js";
import { SOON_MS, within } from "../support/within.js";

const LIMIT_MS = 10_000;
const ANOTHER = /(Start that engine|Start it anew), or name another/;

/** An engine or CLI that is missing, too old or does not answer: what is wrong and what to do, in under 10 s. */
describe("a Dagger engine that can't be used", () => {
  const refusal = async (cli: string, address = "scripted://here"): Promise<SandboxError> => {
    await using engine = dagger({ engines: [address], cli, stateDirectory: await hostDirectory() });
    const creating = Sandbox.create({ engine, base: { image: "some" } });
    const [error, [finding]] = await within(
      Promise.all([expectCode(creating, "ENGINE_UNAVAILABLE"), diagnose({ engines: [address], cli })]),
      LIMIT_MS,
    );
    expect(error.message).toContain(address);
    expect(finding).toMatchObject({ ok: false, detail: error.message.replace(/^create: /, "") });
    return error;
  };
  afterEach(() => untilNone(() => descendants(process.pid), SOON_MS));

  test("a CLI that is not there", async () => {
    const error = await refusal("/nowhere/dagger");
    expect(error.message).toMatch(/\/nowhere\/dagger.*Install the Dagger CLI \(https:.*\) or name it/);
  });

  test("a CLI that may not be run", async () => {
    const error = await refusal(await scriptedCli("exit 0", 0o644));
    expect(error.message).toMatch(/EACCES.*Install the Dagger CLI/);
  });

  test("a CLI that fails, with what it said", async () => {
    const error = await refusal(await scriptedCli("echo 'unknown command \"session\"' >&2; exit 3"));
    expect(error.message).toMatch(/ended with 3: unknown command "session"/);
    expect(error.message).toMatch(ANOTHER);
  });

  test("a CLI that ends without a word", async () => {
    expect((await refusal(await scriptedCli("exit 0"))).message).toMatch(/ended with 0/);
  });

  test("a CLI that stays, deaf to its stdin and to SIGTERM, and prints no whole line", async () => {
    const prints = ["", `printf '{"port":'`, "echo connecting... >&2"];
    const deaf = (print: string) => scriptedCli(`trap '' TERM; ${print}\nwhile :; do sleep 1; done`);
    const errors = await Promise.all(prints.map(async (print) => refusal(await deaf(print))));
    for (const { message } of errors) {
      expect(message).toMatch(/did not answer within 8 s/);
      expect(message).toMatch(ANOTHER);
    }
    expect(errors[2]?.message).toContain("connecting...");
  });

  for (const line of ["hello", "{}", '{"port":"x","session_token":1}', "null"]) {
    test(`a CLI that says ${line}`, async () => {
      const error = await refusal(await scriptedCli(`echo '${line}'; exec cat >/dev/null`));
      expect(error.message).toMatch(/ said .* instead of its address/);
    });
  }

  test("a CLI whose address nobody listens at", async () => {
    const error = await refusal(
      await scriptedCli(`echo '{"port":1,"session_token":"t"}'; exec cat >/dev/null`),
    );
    expect(error.message).toMatch(/ECONNREFUSED/);
    expect(error.message).toMatch(ANOTHER);
  });

  for (const [what, script, says] of [
    ["never answers", () => () => undefined, /did not answer within 8 s/],
    ["cuts its answer", () => (response) => void response.destroy(), /socket hang up/],
    [
      "answers HTTP 500",
      () => (response) => void response.writeHead(500).end("broken"),
      /HTTP 500, "broken"/,
    ],
    ["answers what is not JSON", () => (response) => void response.end("<html>"), /<html>/],
    ["answers with errors", () => ({ errors: [{ message: "no such field" }] }), /no such field/],
    ["answers without a version", () => ({ data: {} }), /says no version/],
    ["takes no secret", (query) => (query.includes("setSecret") ? { data: {} } : undefined), /setSecret/],
  ] as [string, ScriptedDagger["script"], RegExp][]) {
    test(`a session that ${what}`, async () => {
      const scripted = await ScriptedDagger.start();
      scripted.script = script;
      const error = await refusal(await scripted.cli());
      expect(error.message).toMatch(says);
      expect(error.message).toMatch(ANOTHER);
    });
  }

  for (const version of ["v0.18.19", "0.9.3", "v0.19.8"]) {
    test(`an engine of version ${version}`, async () => {
      const scripted = await ScriptedDagger.start();
      scripted.version = version;
      const error = await refusal(await scripted.cli());
      expect(error.message).toMatch(
        / is v?0\.\d+\.\d+; forkbox needs v0\.19\.9 or newer. Update the Dagger CLI/,
      );
    });
  }

  test("an address that is none", async () => {
    expect((await refusal("/nowhere/dagger", "nonsense")).message).toMatch(/is no address/);
    expect((await refusal("/nowhere/dagger", "unix:///%zz")).message).toMatch(/URI malformed/);
  });

  test("a socket that nobody listens at, without asking the CLI, which would try for minutes", async () => {
    const directory = await hostDirectory();
    for (const [address, why] of [
      [`unix://${directory}/missing.sock`, /ENOENT/],
      ["tcp://127.0.0.1:1", /ECONNREFUSED/],
      // Where the machine has no IPv6 that is what it says.
      ["tcp://[::1]:1", /ECONNREFUSED|EADDRNOTAVAIL|EAFNOSUPPORT/],
    ] as const) {
      const error = await refusal("/nowhere/dagger", address);
      expect(error.message).toMatch(why);
      expect(error.message).toMatch(ANOTHER);
    }
  });

  test("a socket that takes connections and says nothing, before a CLI that waits", async () => {
    const path = join(await hostDirectory(), "engine.sock");
    const silent = createServer().listen(path);
    onTestFinished(() => void silent.close());
    const error = await refusal(await scriptedCli("exec cat >/dev/null"), `unix://${path}`);
    expect(error.message).toMatch(/did not answer within 8 s/);
  });

  test("all of several: each with its reason", async () => {
    const engines = ["unix:///nowhere/1.sock", "unix:///nowhere/2.sock"];
    await using engine = dagger({ engines, cli: "/nowhere/dagger", stateDirectory: await hostDirectory() });
    const creating = Sandbox.create({ engine, base: { image: "some" } });
    const error = await within(expectCode(creating, "ENGINE_UNAVAILABLE"), LIMIT_MS);
    for (const address of engines) expect(error.message).toContain(address);
  });

  test("all of several that hang, together rather than one after the other", async () => {
    const directory = await hostDirectory();
    const engines = [1, 2, 3].map((number) => `unix://${directory}/${number}.sock`);
    const silent = engines.map((address) => createServer().listen(address.slice("unix://".length)));
    onTestFinished(() => {
      for (const server of silent) server.close();
    });
    const cli = await scriptedCli("exec cat >/dev/null");
    await using engine = dagger({ engines, cli, stateDirectory: await hostDirectory() });
    const creating = Sandbox.create({ engine, base: { image: "some" } });
    const error = await within(expectCode(creating, "ENGINE_UNAVAILABLE"), LIMIT_MS);
    for (const address of engines) expect(error.message).toContain(address);
  });

  test("is tried anew by the next sandbox", async () => {
    const scripted = await ScriptedDagger.start();
    const stateDirectory = await hostDirectory();
    await using engine = dagger({ engines: ["scripted://here"], cli: await scripted.cli(), stateDirectory });
    const create = () => Sandbox.create({ engine, base: { image: "some" } });
    scripted.script = () => (response) => void response.destroy();
    await expectCode(create(), "ENGINE_UNAVAILABLE");
    scripted.script = () => undefined;
    await using sandbox = await create();
    expect((await sandbox.exec("true")).exitCode).toBe(0);
  });
});
