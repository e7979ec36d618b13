import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { keptSize } from "../../src/engines/local/state/kept-size.js";
import { prune } from "../../src/engines/local/state/prune.js";
import { createFromKept, forgetKept, keepSandbox } from "../../src/sandbox/internals.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { hostDirectory } from "../support/scratch.js";
import { describeLocal } from "./base-sandbox.js";

describeLocal("kept snapshots that several engines use", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

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

  test("above the limit those go that were not used for the longest, and none that a live session stands on", async () => {
    const { stateDirectory, engine, options } = await setUp();
    await using _ = engine;
    await using other = local({ stateDirectory });
    vi.stubEnv("FORKBOX_KEPT_MIB", "5");
    const keep = async (key: string) => {
      await using sandbox = await sandboxWith(key, options);
      await sandbox.writeFile("large", new Uint8Array(2 * 1024 * 1024).fill(1));
      await keepSandbox(sandbox, key);
    };
    /** Finds one in a session that has ended since, or in one that lives. */
    const isKept = async (key: string, by?: ReturnType<typeof local>) => {
      const session = by ?? local({ stateDirectory });
      const found = await createFromKept(key, { engine: session, network: "off" });
      await found?.close();
      if (by === undefined) await session.close();
      return found !== undefined;
    };
    await keep("a");
    await keep("b");
    expect(await keptSize(stateDirectory)).toMatchObject({ count: 2, limitBytes: 5 * 1024 * 1024 });
    expect(await isKept("a")).toBe(true); // so b was not used for longer
    await keep("c");
    expect([await isKept("b"), await isKept("c"), await isKept("a", other)]).toEqual([false, true, true]);
    expect(await isKept("c")).toBe(true);
    await keep("d"); // the last used of those before is c, but a session stands on a
    expect([await isKept("c"), await isKept("a"), await isKept("d")]).toEqual([false, true, true]);
    const { count, bytes } = await keptSize(stateDirectory);
    expect([count, Math.floor(bytes / 1024 / 1024)]).toEqual([2, 4]);
  });
});
