import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeLocal } from "../local/base-sandbox.js";
import { buildLibrary } from "../support/build.js";
import { hostDirectory } from "../support/scratch.js";

const STARTS = `
  import { local, Sandbox } from "LIBRARY";
  for (let each = 0; each < 6; each++) {
    const engine = local();
    const sandbox = await Sandbox.create({ engine, network: "off", caches: { npm: "/cache" } });
    const { stdout } = await sandbox.exec("touch /cache/x && echo ran");
    process.stdout.write(stdout);
    await sandbox.close();
    await engine.close();
  }
`;
const PRUNES = `
  const room = "LIBRARY".replace("index.js", "engines/local/state/");
  const { prune } = await import(room + "prune.js");
  const { listSessions } = await import(room + "sessions.js");
  let ended = false;
  process.stdin.on("end", () => { ended = true; }).resume();
  let count = 0;
  for (; !ended; count++) { await prune({ all: ALL }); await listSessions(); await new Promise(setImmediate); }
  console.log(count);
`;

describeLocal("prune beside starting and ending processes", () => {
  let library: Awaited<ReturnType<typeof buildLibrary>>;
  beforeAll(async () => {
    library = await buildLibrary();
  }, 120_000);
  afterAll(() => library?.remove());

  test.each([false, true])(
    "breaks none of them, and none of them breaks it (all: %s)",
    async (all) => {
      const env = { ...process.env, FORKBOX_STATE_DIR: join(await hostDirectory(), "state") };
      const run = (code: string) => {
        const text = code.replace("LIBRARY", library.index).replace("ALL", String(all));
        const child = spawn(process.execPath, ["--input-type=module", "-e", text], { env });
        let said = "";
        for (const stream of [child.stdout, child.stderr])
          stream.on("data", (bytes) => {
            said += bytes;
          });
        return { child, said: once(child, "close").then(() => said) };
      };
      const prunes = [run(PRUNES), run(PRUNES)];
      const starts = await Promise.all([1, 2, 3].map(() => run(STARTS).said));
      for (const { child } of prunes) child.stdin.end();
      for (const said of starts) expect(said).toBe("ran\n".repeat(6));
      for (const { said } of prunes) expect(await said).toMatch(/^[1-9]\d*\n$/);
    },
    300_000,
  );
});
