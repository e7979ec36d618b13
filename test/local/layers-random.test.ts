import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { createFromKept, forgetKept, keepSandbox } from "../../src/sandbox/internals.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { hostDirectory } from "../support/scratch.js";
import { describeLocal } from "./base-sandbox.js";

/** Enough for layers to be merged, and merged ones to be merged again. */
const COMMANDS = 75;
const SEED = Number(process.env.FORKBOX_SEED ?? 20);

// Directories of each other's names, so that files, links and directories take one another's places.
const NAMES = ["a", "b", "a/a", "a/b", "b/a", "a/b/c", "b/a/b", "c$(printf '\\377')", "b/c$(printf '\\377')"];

describeLocal("layers against a plain directory", () => {
  const engine = local();
  afterAll(() => engine.close());

  test(`random operations through ${COMMANDS} layers, forks and a kept snapshot end as they do in a plain directory (seed ${SEED})`, async () => {
    const random = generator(SEED);
    const host = await hostDirectory();
    const root = join(host, "0");
    mkdirSync(join(root, "api"), { recursive: true });
    const options = { engine, network: "off" } as const;
    await using sandbox = await Sandbox.create({ ...options, workdir: "/workspace/w" });
    await sandbox.makeDirectory("api");
    const pairs: [Sandbox, string][] = [[sandbox, root]];
    for (let count = 0; count < COMMANDS; count++) {
      const script = [
        "umask 022",
        ...Array.from({ length: 6 }, (_, i) => operation(random, `${count}.${i}`)),
      ].join("\n");
      spawnSync("sh", ["-c", script], { cwd: root });
      await sandbox.exec(script);
      // In place where nothing else stands on the snapshot, else in a layer of its own.
      const path = `api/${Math.floor(random() * 4)}`;
      rmSync(join(root, path), { force: true });
      if (random() < 0.3 && (await sandbox.stat(path))) await sandbox.deleteFile(path);
      else {
        writeFileSync(join(root, path), `${count}`, { mode: 0o644 });
        await sandbox.writeFile(path, `${count}`, { mode: 0o644 });
      }
      if (count % 25 === 20) {
        const copy = join(host, `${count}`);
        spawnSync("cp", ["-a", root, copy]);
        pairs.push([await sandbox.fork(), copy]);
      }
    }
    const key = `random-${randomBytes(6).toString("hex")}`;
    await keepSandbox(sandbox, key);
    const kept = await createFromKept(key, { ...options, workdir: "/workspace/w" });
    if (kept) pairs.push([kept, root]);
    for (const [shown, model] of pairs) {
      const listed = await shown.exec(LIST, { encoding: "bytes" });
      const expected = spawnSync("sh", ["-c", LIST], { cwd: model });
      expect(text(listed.stdout)).toEqual(text(expected.stdout));
      await shown.close();
    }
    expect(kept).toBeDefined();
    await forgetKept(key, options);
  });
});

const LIST = `
  find . -type d -printf '%y %m %p\\n' -o -type l -printf '%y %p %l\\n' -o -printf '%y %m %s %p\\n' | LC_ALL=C sort
  find . -type f -perm -400 -exec cksum {} + | LC_ALL=C sort
`;

function text(bytes: Uint8Array): string[] {
  return Buffer.from(bytes).toString("latin1").split("\n");
}

/** One line of shell. Files are replaced, not written into: a hard link would show the difference of overlayfs. */
function operation(random: () => number, content: string): string {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const one = pick(NAMES);
  const two = pick(NAMES);
  const line = pick([
    `echo ${content} >t && chmod ${pick(["644", "600", "4755", "000"])} t && mv -fT t ${one} || rm -f t`,
    `mkdir -p ${one} && echo ${content} >${one}/t && mv -fT ${one}/t ${one}/f`,
    `rm -rf ${one}`,
    `rm -rf ${one} && mkdir ${one}`,
    `rm -rf ${one} && mkdir ${one} && ln -s ${pick(["../b", "a", "nowhere"])} ${one}/l`,
    `ln -sfn ${pick(["b", "../a", "/nowhere", "."])} ${one}`,
    `rm -rf ${one} && ln ${two} ${one}`,
    `rm -rf ${one} && mv -T ${two} ${one}`,
    `rm -rf ${one} && cp -a ${two} ${one}`,
    `[ -d ${one} ] && [ ! -L ${one} ] && chmod ${pick(["700", "755", "1777"])} ${one}`,
    `rm -rf ${one} && mkfifo ${one}`,
  ]);
  return `{ ${line}; } 2>/dev/null`;
}

/** Mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
