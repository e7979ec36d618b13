import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { expect, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { prune } from "../../src/engines/local/state/prune.js";
import { createFromKept, forgetKept, keepSandbox } from "../../src/sandbox/internals.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { hostDirectory } from "../support/scratch.js";
import { describeLocal } from "./base-sandbox.js";

describeLocal("kept snapshots that several engines use", () => {
  const setUp = async () => {
    const stateDirectory = join(await hostDirectory(), "state");
    const engine = local({ stateDirectory });
    return { stateDirectory, engine, options: { engine, network: "off" } as const };
  };
  const sandboxWith = async (content: string, options: { engine: ReturnType<typeof local> }) => {
    const sandbox = await Sandbox.create({ ...options, network: "off" });
    await sandbox.writeFile("file", content);
    return sandbox;
  };

  test("keeping anew, forgetting and pruning change nothing for a sandbox that stands on one", async () => {
    const { stateDirectory, engine, options } = await setUp();
    await using _ = engine;
    await using other = local({ stateDirectory });
    await using first = await sandboxWith("first", options);
    await keepSandbox(first, "key");
    await using found = (await createFromKept("key", { engine: other, network: "off" })) as Sandbox;
    await using second = await sandboxWith("second", options);
    await keepSandbox(second, "key");
    expect((await found.exec("cat file")).stdout).toBe("first");
    await using newer = (await createFromKept("key", options)) as Sandbox;
    expect((await newer.exec("cat file")).stdout).toBe("second");
    await forgetKept("key", options);
    await prune({ all: true }, stateDirectory);
    expect(await createFromKept("key", options)).toBeUndefined();
    expect((await found.exec("cat file")).stdout).toBe("first");
    expect((await newer.exec("cat file")).stdout).toBe("second");
  });

  test("many may keep under one key at once, and one of theirs is found", async () => {
    const { stateDirectory, engine, options } = await setUp();
    await using _ = engine;
    await using other = local({ stateDirectory });
    const key = randomBytes(6).toString("hex");
    const sandboxes = await Promise.all(
      [engine, other, engine, other].map((each) => sandboxWith("content", { engine: each })),
    );
    await Promise.all(sandboxes.map((sandbox) => keepSandbox(sandbox, key)));
    await using found = (await createFromKept(key, options)) as Sandbox;
    expect(await found.readTextFile("file")).toBe("content");
    await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
  });

  test("pruning leaves a live session its caches", async () => {
    const { stateDirectory, engine } = await setUp();
    await using _ = engine;
    await using sandbox = await Sandbox.create({ engine, network: "off", caches: { c: "/cache" } });
    await sandbox.exec("echo x >/cache/file");
    await prune({ all: true }, stateDirectory);
    expect((await sandbox.exec("cat /cache/file")).stdout).toBe("x\n");
  });
});
