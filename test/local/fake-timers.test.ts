import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { expectCode } from "../support/errors.js";
import { hostFiles } from "../support/scratch.js";
import { describeLocal } from "./base-sandbox.js";

/** Faked for good: nobody moves them on. `process.nextTick` is none of them: Node's own streams stand still without it. */
const faked = [
  ...([
    "setTimeout",
    "clearTimeout",
    "setInterval",
    "clearInterval",
    "setImmediate",
    "clearImmediate",
  ] as const),
  ...(["queueMicrotask", "performance", "Date"] as const),
];

describeLocal("under a caller's fake timers", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: [...faked], now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("a deadline comes all the same", async () => {
    await using sandbox = await Sandbox.create({ engine: "local", network: "off" });
    const error = await expectCode(sandbox.exec("echo on; sleep 100", { timeoutMs: 300 }), "TIMEOUT");
    expect(error.stdout).toBe("on\n");
  });

  test("commands, import and export end", async () => {
    const host = await hostFiles(Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`f${at}`, "x"])));
    await using sandbox = await Sandbox.create({ engine: "local", network: "off" });
    expect(await sandbox.refreshFromHost(host, "/workspace")).toMatchObject({ files: 200 });
    const { stdout, durationMs } = await sandbox.exec("ls | wc -l", { stdin: "x", onStdout: async () => {} });
    expect(stdout.trim()).toBe("200");
    expect(durationMs).toBeGreaterThan(0);
    expect(await sandbox.exportDirectory("/workspace", `${host}/out`)).toMatchObject({ files: 200 });
  });
});
