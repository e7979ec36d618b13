import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { HostState, reclaim } from "../../src/engines/dagger/staging/state.js";
import { hostDirectory } from "../support/scratch.js";

const HASH = "5a".repeat(32);

let root: string;
beforeEach(async () => {
  root = await hostDirectory();
});

const sessions = () => readdir(join(root, "sessions"));

async function live(): Promise<HostState> {
  const state = new HostState(root);
  onTestFinished(() => state.close());
  await state.stage(HASH, async () => undefined);
  return state;
}

test("a live session is nobody's to reclaim, even where its pid means nobody", async () => {
  const state = await live();
  const path = join(state.directory, "owner.json");
  const owner = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...owner, pid: 2 ** 22 + 1, started: "1" }));
  expect(await reclaim(root)).toBe(0);
  expect(await readdir(state.directory)).toContain("staged");
});

test("a session of another pid namespace whose lock can't be asked for is left alone", async () => {
  const state = await live();
  const path = join(state.directory, "owner.json");
  const owner = JSON.parse(await readFile(path, "utf8"));
  const foreign = { ...owner, pid: 2 ** 22 + 1, started: "1", locked: false, space: "elsewhere" };
  await writeFile(path, JSON.stringify(foreign));
  expect(await reclaim(root)).toBe(0);
  await writeFile(path, JSON.stringify({ ...foreign, space: owner.space }));
  expect(await reclaim(root)).toBe(1);
});

test("what a process left that was killed at any moment is reclaimed", async () => {
  const module = join(import.meta.dirname, "../../src/engines/dagger/staging/state.ts");
  const script = `const { HostState } = await import(${JSON.stringify(module)});
await new HostState(${JSON.stringify(root)}).stage("${HASH}", async () => undefined);
console.log("staged"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  expect(await reclaim(root)).toBe(0);
  child.kill("SIGKILL");
  await once(child, "exit");
  await mkdir(join(root, "sessions", "1-half-removed", "staged"), { recursive: true });
  const halfMade = join(root, "sessions", ".1-half-made");
  await mkdir(halfMade);
  expect(await reclaim(root)).toBe(2);
  expect(await sessions()).toEqual([".1-half-made"]);
  await utimes(halfMade, 0, 0);
  expect(await reclaim(root)).toBe(1);
});

test("what could not be made at first is made later", async () => {
  const blocked = join(root, "file");
  await writeFile(blocked, "");
  const state = new HostState(join(blocked, "state"));
  await expect(state.stage(HASH, async () => undefined)).rejects.toThrow("ENOTDIR");
  await rm(blocked);
  await state.stage(HASH, async () => undefined);
  await Promise.all([state.close(), state.close()]);
  await state.close();
  expect(await readdir(join(blocked, "state", "sessions"))).toEqual([]);
});

test("sessions lie apart on a disk that can keep them so", async () => {
  const run = promisify(execFile);
  const apart = (path: string) => run("lsattr", ["-d", path]).then(({ stdout }) => /^\S*T/.test(stdout));
  const probe = await hostDirectory();
  await run("chattr", ["+T", probe]).catch(() => undefined);
  const can = await apart(probe).catch(() => false);
  await live();
  expect(await apart(join(root, "sessions")).catch(() => false)).toBe(can);
});
