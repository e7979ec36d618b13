import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { createFromKept, keepSandbox } from "../../src/sandbox/internals.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { hostDirectory, hostFiles } from "../support/scratch.js";
import { describeLocal } from "./base-sandbox.js";

describeLocal("wherever the state lies and whatever the caller's umask is", () => {
  const places: [string, (host: string) => string][] = [
    ["a path with spaces, colons, commas and letters beyond ASCII", (host) => join(host, "a b:c,é'\\")],
    ["a relative path", (host) => relative(process.cwd(), join(host, "state"))],
    ["in memory", () => mkdtempSync("/dev/shm/forkbox-test-")],
  ];

  test.each(places)("commands run, and a kept snapshot is found again: %s", async (_, place) => {
    const stateDirectory = place(await hostDirectory());
    onTestFinished(() => rmSync(stateDirectory, { recursive: true, force: true }));
    await using engine = local({ stateDirectory });
    const options = { engine, network: "off" } as const;
    await using sandbox = await Sandbox.create(options);
    await sandbox.writeFile("file", "x");
    expect((await sandbox.exec("cat file && echo y >more")).stdout).toBe("x");
    await keepSandbox(sandbox, "key");
    await using kept = (await createFromKept("key", options)) as Sandbox;
    expect((await kept.exec("cat file more")).stdout).toBe("xy\n");
  });

  test.each([
    ["takes everything from others", 0o077],
    ["takes nothing from anybody", 0],
  ])("a umask that %s changes no mode in a sandbox or in the state", async (_what, umask) => {
    const place = join(await hostDirectory(), "state");
    mkdirSync(place);
    const host = await hostFiles({ "in/file": "y" });
    const before = process.umask(umask);
    try {
      await using engine = local({ stateDirectory: place });
      await using sandbox = await Sandbox.create({ engine, network: "off" });
      await sandbox.writeFile("dir/file", "x");
      expect((await sandbox.exec("cat dir/file; stat -c %a / dir dir/file")).stdout).toBe("x755\n755\n644\n");
      await sandbox.refreshFromHost(host, "/workspace/brought");
      expect((await sandbox.exec("stat -c %a brought brought/in/file")).stdout).toBe("755\n644\n");
      const open = (await readdir(place, { recursive: true })).filter((path) =>
        /^(sessions|kept|bases|caches|files)(\/[^/]+)?(\/(io|l|w|v|net))?$/.test(path),
      );
      expect(open.filter((path) => (statSync(join(place, path)).mode & 0o022) !== 0)).toEqual([]);
    } finally {
      process.umask(before);
    }
  });
});
