import { chmod, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { prune } from "../../src/engines/local/state/prune.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { hostDirectory } from "../support/scratch.js";
import { describeLocal } from "./base-sandbox.js";

const BYTES = 5 * 1024 * 1024;

describeLocal("large host files that nobody may write to", () => {
  const setUp = async () => {
    const stateDirectory = join(await hostDirectory(), "state");
    const host = await hostDirectory();
    const pack = join(host, "pack");
    await writeFile(pack, Buffer.alloc(BYTES, "a"), { mode: 0o444 });
    return {
      stateDirectory,
      engine: local({ stateDirectory }),
      host,
      pack,
      files: join(stateDirectory, "files"),
    };
  };
  const imported = async (
    engine: ReturnType<typeof local>,
    host: string,
    user: "sandbox" | "root" = "sandbox",
  ) => {
    const sandbox = await Sandbox.create({ engine, network: "off", user });
    await sandbox.refreshFromHost(host, ".");
    return sandbox;
  };
  const look = async (sandbox: Sandbox) =>
    (await sandbox.exec("stat -c '%a %u %s %Y' pack; tail -c 3 pack")).stdout;

  test("are copied once for all imports, also of many at once and of later engines", async () => {
    const { stateDirectory, engine, host, pack, files } = await setUp();
    await using _ = engine;
    const sandboxes = await Promise.all(Array.from({ length: 5 }, () => imported(engine, host)));
    await using later = local({ stateDirectory });
    sandboxes.push(await imported(later, host));
    const seen = await Promise.all(sandboxes.map(look));
    const uid = (await sandboxes[0]?.exec("id -u"))?.stdout.trim();
    const mtime = Math.floor((await stat(pack)).mtimeMs / 1000);
    expect(new Set(seen)).toEqual(new Set([`444 ${uid} ${BYTES} ${mtime}\naaa`]));
    const [kept, ...others] = await readdir(files);
    expect(others).toEqual([]);
    // Its own name, and one in each layer.
    expect((await stat(join(files, String(kept), "data"))).nlink).toBe(7);
    await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
  });

  test("stay what they are on the host and in other sandboxes, whatever one does to its own", async () => {
    const { engine, host, pack } = await setUp();
    await using _ = engine;
    await using first = await imported(engine, host);
    await using second = await imported(engine, host);
    const change =
      "chmod 666 pack && printf bbb >> pack && printf b | dd of=pack conv=notrunc && touch -d @0 pack";
    expect((await first.exec(change)).exitCode).toBe(0);
    await first.writeFile("pack", "c");
    await using third = await imported(engine, host);
    for (const sandbox of [second, third]) expect(await look(sandbox)).toMatch(/^444 .*\naaa$/);
    expect((await readFile(pack)).equals(Buffer.alloc(BYTES, "a"))).toBe(true);
    expect((await stat(pack)).nlink).toBe(1);
  });

  test("are copied again once they are others, even of the same size and time", async () => {
    const { engine, host, pack } = await setUp();
    await using _ = engine;
    await (await imported(engine, host)).close();
    const { mtime } = await stat(pack);
    await chmod(pack, 0o644);
    await writeFile(pack, Buffer.alloc(BYTES, "z"));
    await utimes(pack, mtime, mtime);
    await chmod(pack, 0o444);
    await using sandbox = await imported(engine, host);
    expect(await look(sandbox)).toMatch(/\nzzz$/);
  });

  test("of the one user are not another's", async (context) => {
    const { engine, host } = await setUp();
    await using _ = engine;
    const { users } = await engine.capabilities();
    if (users.root !== true) return context.skip(users.root);
    await (await imported(engine, host)).close();
    await using sandbox = await imported(engine, host, "root");
    expect(await look(sandbox)).toMatch(/^444 0 /);
  });

  test("are not kept where somebody may write to them, and prune removes those that are", async () => {
    const { stateDirectory, engine, host, pack, files } = await setUp();
    await using _ = engine;
    await writeFile(join(host, "log"), Buffer.alloc(BYTES, "l"));
    await using sandbox = await imported(engine, host);
    expect(await readdir(files)).toHaveLength(1);
    await prune({ all: true }, stateDirectory);
    expect(await readdir(files)).toEqual([]);
    expect(await look(sandbox)).toMatch(/\naaa$/);
    await using again = await imported(engine, host);
    expect(await look(again)).toMatch(/\naaa$/);
    expect((await readFile(pack)).length).toBe(BYTES);
  });
});
