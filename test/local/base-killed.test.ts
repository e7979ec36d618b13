import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prune } from "../../src/engines/local/sessions.js";
import { buildLibrary } from "../support/build.js";
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

async function drafts(bases: string): Promise<string[]> {
  return (await readdir(bases)).filter((name) => /-\w+\.[0-9a-f]{8}$/.test(name));
}
