import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { prune } from "../../src/engines/local/state/prune.js";
import { createFromKept, forgetKept, keepSandbox } from "../../src/sandbox/internals.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { untilNone } from "../support/leftovers.js";
import { hostDirectory } from "../support/scratch.js";
import { describeLocal } from "./base-sandbox.js";

// An ordinary caller is the same user as the code it runs: what that closes to itself is closed to the caller.
const CLOSE = [
  "mkdir -p closed/in half shut/sub",
  "echo x >closed/in/file; echo y >half/file; echo z >none; ln none shut/linked; ln -s ../closed shut/link",
  "chmod 751 closed/in; chmod 2333 half; chmod 000 none closed shut",
].join("\n");

const SHOW = [
  "stat -c '%n %a' closed half shut none",
  "chmod 700 closed half shut; chmod 600 none shut/linked",
  "stat -c '%n %a' closed/in half/file shut/sub",
  "cat closed/in/file half/file none shut/linked shut/link/in/file",
].join("\n");

const SHOWN = [
  "closed 0\nhalf 2333\nshut 0\nnone 0\n",
  "closed/in 751\nhalf/file 644\nshut/sub 755\n",
  "x\ny\nz\nz\nx\n",
].join("");

describeLocal("directories that sandboxed code closed to its own user", () => {
  const setUp = async () => {
    const stateDirectory = join(await hostDirectory(), "state");
    const engine = local({ stateDirectory });
    onTestFinished(async () => {
      await engine.close();
      await prune({ all: true }, stateDirectory);
    });
    return { stateDirectory, engine, options: { engine, network: "off" } as const };
  };

  /** Names of layers, with views' and bases'. */
  const layersIn = (state: string): string[] =>
    readdirSync(join(state, "sessions")).flatMap((name) => readdirSync(join(state, "sessions", name, "l")));

  test("a long chain of layers with some is merged, and shows what it showed", async () => {
    const { stateDirectory, options } = await setUp();
    await using sandbox = await Sandbox.create(options);
    for (let count = 0; count < 40; count++) {
      const more = `chmod 700 many; mkdir many/${count}; echo ${count} >many/${count}/file; rm many/gone; : >many/gone; chmod 000 many/${count} many`;
      const { stderr } = await sandbox.exec(
        count === 0 ? `${CLOSE}; mkdir many; : >many/gone; ${more}` : more,
      );
      expect(stderr).toBe("");
    }
    await sandbox.exec("chmod 700 many; rm many/gone; chmod 000 many");
    await untilNone(async () => (layersIn(stateDirectory).length > 30 ? layersIn(stateDirectory) : []));
    expect(await sandbox.exec(SHOW)).toMatchObject({ stdout: SHOWN, stderr: "" });
    const many = await sandbox.exec(
      "chmod 700 many; stat -c %a many/*; chmod 700 many/*; cat many/*/file; ls many | wc -l",
    );
    const numbers = Array.from({ length: 40 }, (_, count) => `${count}`).sort();
    expect(many.stdout).toBe(`${"0\n".repeat(40)}${numbers.join("\n")}\n40\n`);
  });

  test("a sandbox with some can be kept, found and forgotten", async () => {
    const { stateDirectory, engine, options } = await setUp();
    await using sandbox = await Sandbox.create(options);
    await sandbox.exec(CLOSE);
    const key = randomBytes(6).toString("hex");
    await keepSandbox(sandbox, key);
    await using found = (await createFromKept(key, options)) as Sandbox;
    for (const each of [found, sandbox])
      expect(await each.exec(SHOW)).toMatchObject({ stdout: SHOWN, stderr: "" });
    await found.close();
    await forgetKept(key, options);
    expect(await createFromKept(key, options)).toBeUndefined();
    await sandbox.close();
    await engine.close();
    await prune({}, stateDirectory);
    expect(readdirSync(join(stateDirectory, "kept"))).toEqual([]);
  });

  test("keeping works where the root of the file system is read-only", async () => {
    const { options } = await setUp();
    await using sandbox = await Sandbox.create(options);
    await sandbox.exec("chmod 555 / || true");
    const mode = (await sandbox.exec("stat -c %a /")).stdout;
    const key = randomBytes(6).toString("hex");
    await keepSandbox(sandbox, key);
    await using found = (await createFromKept(key, options)) as Sandbox;
    expect((await found.exec("stat -c %a /")).stdout).toBe(mode);
    await forgetKept(key, options);
  });

  test("what lies in them is the library's, and programs are found elsewhere, as its user would", async () => {
    const { options } = await setUp();
    await using sandbox = await Sandbox.create(options);
    await sandbox.exec(`${CLOSE}; mkdir unsearched; : >unsearched/file; chmod 444 unsearched`);
    expect(await sandbox.stat("closed/in")).toMatchObject({ type: "directory", mode: 0o751 });
    expect((await sandbox.listDirectory("unsearched")).map(({ name }) => name)).toEqual(["file"]);
    await sandbox.writeFile("closed/in/new", "new");
    expect(await sandbox.readTextFile("closed/in/new")).toBe("new");
    expect(await sandbox.stat("closed")).toMatchObject({ mode: 0 });
    const inside = sandbox.exec("true", { cwd: "closed/in" });
    await expect(inside).rejects.toMatchObject({ code: "PERMISSION" });
    const env = { PATH: "/workspace/closed/in:/usr/bin:/bin" };
    expect((await sandbox.exec(["echo", "found"], { env })).stdout).toBe("found\n");
  });
});
