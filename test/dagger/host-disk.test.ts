import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { dagger } from "../../src/engines/dagger/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { daggerBase, describeDagger } from "../support/engine-dagger.js";
import { expectCode } from "../support/errors.js";
import { hostDirectory } from "../support/scratch.js";
import { within } from "../support/within.js";

const MOST_BYTES = 16 * 1024 * 1024;

/** A sandbox makes a file of any length in a moment; reading and listing must not bring it to this host. */
await describeDagger("the host's disk", () => {
  const make = async () => {
    const state = await hostDirectory();
    const engine = dagger({ stateDirectory: state });
    onTestFinished(() => engine.close());
    return { state, sandbox: await Sandbox.create({ engine, ...daggerBase() }) };
  };

  test("gets nothing of a file that is too long to be read", async () => {
    const { state, sandbox } = await make();
    await sandbox.exec("truncate -s 3G big; truncate -s 2147483648 over");
    const most = mostBytesIn(state);
    for (const path of ["big", "over"]) {
      const error = await within(expectCode(sandbox.readFile(path), "LIMIT"));
      expect(error.message).toMatch(/^readFile.*bytes/);
    }
    expect(await most()).toBeLessThan(MOST_BYTES);
  });

  test("gets nothing of what lies in a directory with a name that is not UTF-8", async () => {
    const { state, sandbox } = await make();
    await sandbox.exec("mkdir deep; truncate -s 300M big deep/big; : > \"$(printf '\\377')\"; chmod 0 deep");
    const most = mostBytesIn(state);
    const names = (await within(sandbox.listDirectory("."), 10_000)).map(({ name }) => name);
    expect(names).toEqual(["big", "deep", "\ufffd"]);
    expect(await most()).toBeLessThan(MOST_BYTES);
  });

  test("gets nothing of what else a link's name would match as a pattern", async () => {
    const { state, sandbox } = await make();
    await sandbox.exec(
      "mkdir lx; truncate -s 300M lx/big; echo text > file; ln -s file 'l*'; ln -s file 'l?'",
    );
    const most = mostBytesIn(state);
    for (const path of ["l*", "l?"]) expect(await sandbox.readTextFile(path)).toBe("text\n");
    expect(await most()).toBeLessThan(MOST_BYTES);
  });
});

/** Looks until it is asked for the most that lay there. */
function mostBytesIn(directory: string): () => Promise<number> {
  let most = 0;
  let stopped = false;
  const looking = (async () => {
    while (!stopped) {
      most = Math.max(most, await bytesIn(directory));
      await sleep(20);
    }
  })();
  return async () => {
    stopped = true;
    await looking;
    return most;
  };
}

async function bytesIn(directory: string): Promise<number> {
  const paths = await readdir(directory, { recursive: true }).catch(() => []);
  const sizes = paths.map(
    async (path) => (await stat(join(directory, path)).catch(() => undefined))?.size ?? 0,
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
