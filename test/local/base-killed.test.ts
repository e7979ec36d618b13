import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { prune } from "../../src/engines/local/state/prune.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { buildLibrary } from "../support/build.js";
import { descendants, stillAlive, untilNone } from "../support/leftovers.js";
import { dockerSave, smallSystem } from "./base-images.js";
import { describeLocal, output } from "./base-sandbox.js";

const script = `
  const { local } = await import(process.argv[1]);
  await local().identify({ archive: process.argv[2] });
`;

describeLocal("a process killed while it extracts", () => {
  let library: Awaited<ReturnType<typeof buildLibrary>>;
  beforeAll(async () => {
    library = await buildLibrary();
  }, 120_000);
  afterAll(() => library?.remove());

  test("leaves nothing that counts, and prune takes back the disk", async () => {
    const bases = join(process.env.FORKBOX_STATE_DIR as string, "bases");
    const many = Array.from({ length: 20_000 }, (_, i) => ({ name: `many/${i}`, content: `${i}\n` }));
    const archive = await dockerSave([smallSystem(), many]);
    for (let i = 0; i < 5; i++) {
      const args = ["--input-type=module", "-e", script, library.index, archive];
      const victim = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
      const ended = once(victim, "exit");
      while ((await drafts(bases)).length === i) await sleep(5);
      await sleep(i * 20);
      victim.kill("SIGKILL");
      await ended;
      expect(await drafts(bases)).toHaveLength(i + 1);
    }
    expect(await output({ archive }, "cat /many/19999; ls /many | cat >/tmp/all; stat -c %s /tmp/all")).toBe(
      "19999\n108890\n",
    );
    const old = new Date(Date.now() - 3_600_000);
    for (const draft of await drafts(bases)) await utimes(join(bases, draft), old, old);
    await prune({});
    expect(await drafts(bases)).toEqual([]);
    expect(await output({ archive }, "cat /many/1")).toBe("1\n");
  });
});

// A base of which a part is gone, and that is found all the same, would run other code than its image's.
describeLocal("a prune killed while it removes a base", () => {
  test("leaves no half base that counts, and the next prune takes back the disk", async () => {
    const library = await buildLibrary();
    const bases = join(process.env.FORKBOX_STATE_DIR as string, "bases");
    const many = Array.from({ length: 20_000 }, (_, i) => ({ name: `many/${i}`, content: `${i}\n` }));
    const archive = await dockerSave([smallSystem(), many]);
    const sessions = new URL("engines/local/state/prune.js", pathToFileURL(library.index));
    const prunes = `const { prune } = await import(${JSON.stringify(sessions)}); await prune({ all: true });`;
    for (let i = 0; i < 3; i++) {
      const engine = local();
      const sandbox = await Sandbox.create({ engine, base: { archive }, network: "off" });
      expect((await sandbox.exec("set -- /many/*; echo $#")).stdout).toBe("20000\n");
      await sandbox.close();
      await engine.close();
      const victim = spawn(process.execPath, ["--input-type=module", "-e", prunes], { stdio: "ignore" });
      const ended = once(victim, "exit");
      while ((await filesIn(bases)) === 20_000) await sleep(1);
      const [holder] = await descendants(victim.pid as number); // with it all that is below it ends
      victim.kill("SIGKILL");
      await ended;
      if (holder && (await stillAlive([holder])).length > 0) process.kill(holder.pid, "SIGKILL");
      await untilNone(() => stillAlive(holder ? [holder] : []));
    }
    const old = new Date(Date.now() - 3_600_000);
    for (const name of await readdir(bases)) await utimes(join(bases, name), old, old);
    await prune({ all: true });
    expect(await readdir(bases)).toEqual([]);
    await library.remove();
  }, 300_000);
});

/** Of the one whole base with a directory `many`. */
async function filesIn(bases: string): Promise<number> {
  const lists = (await readdir(bases))
    .filter((name) => !name.includes("."))
    .map((name) => readdir(join(bases, name, "tree/many")).catch(() => []));
  return Math.max(...(await Promise.all(lists)).map((list) => list.length));
}

async function drafts(bases: string): Promise<string[]> {
  return (await readdir(bases)).filter((name) => /-\w+\.[0-9a-f]{8}$/.test(name));
}
