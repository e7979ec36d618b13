import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { dagger } from "../../src/engines/dagger/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { expectCode } from "../support/errors.js";
import { hostDirectory } from "../support/scratch.js";
import { ScriptedDagger } from "../support/scripted-dagger.js";
import { within } from "../support/within.js";

const MEBIBYTE = Buffer.alloc(1024 * 1024, "\\u0000");

/** What comes of the query that runs a command, whatever the command has made of its answer. */
describe("the query of a command", () => {
  let scripted: ScriptedDagger;
  let sandbox: Sandbox;
  beforeEach(async () => {
    scripted = await ScriptedDagger.start();
    const engine = dagger({
      engines: ["scripted://here"],
      cli: await scripted.cli(),
      stateDirectory: await hostDirectory(),
    });
    onTestFinished(() => engine.close());
    sandbox = await Sandbox.create({ engine, base: { image: "some" } });
  });

  const isCommand = (query: string) => query.includes("/.forkbox/run");
  const expectWell = async () => expect((await sandbox.exec("true")).exitCode).toBe(0);

  for (const result of [
    "",
    "exited",
    "exited  0 0 0 0",
    "exited 0 0 0",
    "exited 0x0 0 0 0 0",
    "exited 0 0 0 0 0 0",
    "exited -1 0 0 0 0",
    "exited 0 0 0 -1 0",
    " exited 0 0 0 0 0",
    "broken",
    "replaced",
  ]) {
    test(`with the result "${result}" is ENGINE_ERROR`, async () => {
      scripted.leaf = (path) => ({ "result.contents": `${result}\n` })[path.slice(-2).join(".")];
      await expectCode(sandbox.exec("true"), "ENGINE_ERROR");
      scripted.leaf = () => undefined;
      await expectWell();
    });
  }

  test("with an answer that no string could hold is ENGINE_ERROR, and the sandbox goes on", async () => {
    let sent = 0;
    scripted.script = (query) =>
      isCommand(query)
        ? async (response) => {
            const closed = once(response, "close");
            response.write('{"data":"');
            for (; sent < 600 && !response.destroyed; sent++)
              if (!response.write(MEBIBYTE)) await Promise.race([once(response, "drain"), closed]);
            response.end('"}');
          }
        : undefined;
    const error = await expectCode(sandbox.exec("true"), "ENGINE_ERROR");
    expect(error.message).toContain("more than");
    expect(sent).toBeLessThan(600);
    scripted.script = () => undefined;
    await expectWell();
  });

  test("is closed before the error is out when what brings its stdin fails", async () => {
    let closed = false;
    scripted.script = (query) => {
      if (query.includes('"feed"')) return { errors: [{ message: "no room", extensions: { _type: "X" } }] };
      if (!isCommand(query)) return undefined;
      return (response) =>
        void response.on("close", () => {
          closed = true;
        });
    };
    async function* input() {
      yield "first";
      await sleep(200);
      yield "second";
    }
    const error = await within(expectCode(sandbox.exec("cat", { stdin: input() }), "ENGINE_ERROR"));
    expect(error.message).toContain("no room");
    expect(closed).toBe(true);
    scripted.script = () => undefined;
    await expectWell();
  });

  test("mounts its tools anew where the command before had a secret or a stdin, and only there", async () => {
    const mounts: boolean[] = [];
    scripted.script = (query) => {
      if (isCommand(query)) mounts.push(query.includes("withMountedDirectory"));
      return undefined;
    };
    await sandbox.exec("true");
    await sandbox.exec("true");
    await sandbox.exec("true", { secrets: { TOKEN: "a-secret-value" } });
    await sandbox.exec("true");
    await sandbox.exec("true", { stdin: "input" });
    await sandbox.exec("true");
    await sandbox.exec("true");
    expect(mounts).toEqual([true, false, true, true, true, true, false]);
  });
});
