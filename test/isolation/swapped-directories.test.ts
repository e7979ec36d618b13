import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { local, Sandbox } from "../../src/index.js";
import { merge } from "../../src/programs/merge.mjs";
import { describeLocal } from "../local/base-sandbox.js";
import { type Compiled, compiled } from "../support/compiled.js";
import { hostDirectory } from "../support/scratch.js";

const SECRET = "the host's own";
/** Of each operation; by hand FORKBOX_TEST_SWAPS=20000. */
const TIMES = Number(process.env.FORKBOX_TEST_SWAPS ?? 300);

/**
 * The wall behind the wall: should code of a sandbox be alive between two operations, no file operation may leave the
 * sandbox. Here something is, on purpose: it exchanges a directory and a link out of the sandbox, without a pause,
 * while the operation goes through that directory.
 */
describeLocal("while a directory is swapped for a link out of the sandbox", () => {
  let programs: Compiled | undefined;
  let victim: string;
  let swapper: ChildProcess | undefined;
  beforeAll(() => {
    programs = compiled("swap");
  });
  afterAll(() => programs?.remove());
  beforeEach(() => {
    victim = mkdtempSync(join(tmpdir(), "forkbox-test-victim-"));
    writeFileSync(join(victim, "secret"), SECRET, { mode: 0o600 });
    mkdirSync(join(victim, "inner"));
    writeFileSync(join(victim, "inner/secret"), SECRET, { mode: 0o600 });
    chmodSync(victim, 0o700);
  });
  afterEach(async () => {
    if (swapper?.kill("SIGKILL")) await once(swapper, "exit");
    rmSync(victim, { recursive: true, force: true });
  });

  const swap = async (directory: string, a: string, b: string) => {
    if (!programs) return expect.fail("these tests need a C compiler: install gcc and libc6-dev");
    swapper = spawn(join(programs.directory, "swap"), [a, b, "3600"], { cwd: directory, stdio: "ignore" });
    await once(swapper, "spawn");
  };

  const expectVictimUntouched = () => {
    expect(swapper?.exitCode).toBeNull();
    expect(readdirSync(victim).sort()).toEqual(["inner", "secret"]);
    expect(readdirSync(join(victim, "inner"))).toEqual(["secret"]);
    expect(readFileSync(join(victim, "inner/secret"), "utf8")).toBe(SECRET);
  };

  const operations: Record<string, (box: Sandbox, scratch: string) => Promise<unknown>> = {
    readTextFile: (box) => box.readTextFile("d/inner/secret"),
    "readTextFile of what is not there": (box) => box.readTextFile("d/secret"),
    writeFile: (box) => box.writeFile("d/inner/note", "written"),
    "writeFile into new directories": (box) => box.writeFile("d/inner/a/b", "written"),
    makeDirectory: (box) => box.makeDirectory("d/made"),
    deleteFile: (box) => box.deleteFile("d/inner/secret"),
    "deleteFile, recursively": async (box) => {
      const fork = await box.fork();
      await fork.deleteFile("d/inner", { recursive: true }).finally(() => fork.close());
    },
    listDirectory: (box) => box.listDirectory("d/inner"),
    stat: (box) => box.stat("d/inner/only-outside"),
    refreshFromHost: async (box, scratch) => {
      const fork = await box.fork();
      await fork.refreshFromHost(scratch, "/workspace/d/inner").finally(() => fork.close());
    },
    exportDirectory: async (box, scratch) => {
      const to = join(scratch, "..", "exported");
      await box.exportDirectory("/workspace", to).catch(() => undefined);
      const texts = ["d/secret", "d/inner/secret", "link/secret", "link/inner/secret"]
        .map((path) => join(to, path))
        .filter((path) => existsSync(path))
        .map((path) => readFileSync(path, "utf8"));
      rmSync(to, { recursive: true, force: true });
      return texts.join();
    },
  };

  test.each(Object.keys(operations))(
    "%s stays inside",
    async (name) => {
      const stateDirectory = join(await hostDirectory(), "state");
      await using engine = local({ stateDirectory });
      await using box = await Sandbox.create({ engine, network: "off" });
      await box.exec(`mkdir -p d/inner && echo mine >d/inner/secret && ln -s ${victim} link`);
      await swap(viewOf(stateDirectory), "d", "link");
      const scratch = join(await hostDirectory(), "from");
      mkdirSync(scratch);
      writeFileSync(join(scratch, "brought"), "by an import");
      const operation = operations[name] as (typeof operations)[string];
      let inside = 0;
      for (let i = 0; i < TIMES; i++) {
        const got = await operation(box, scratch).then(
          (result) => {
            inside++;
            return JSON.stringify(result ?? "");
          },
          () => "",
        );
        expect(got).not.toContain(SECRET);
        if (i % 50 === 0) expectVictimUntouched();
      }
      expectVictimUntouched();
      if (name !== "readTextFile of what is not there" && name !== "deleteFile")
        expect(inside).toBeGreaterThan(0);
    },
    3_600_000,
  );

  test("a merge of layers stays inside", async () => {
    const root = await hostDirectory();
    for (const tree of ["whole", "under", "layer"]) {
      mkdirSync(join(root, tree, "d/inner"), { recursive: true });
      writeFileSync(join(root, tree, "d/inner/secret"), "mine");
      symlinkSync(victim, join(root, tree, "link"));
    }
    await swap(join(root, "layer"), "d", "link");
    writeFileSync(join(root, "whiteout"), "");
    for (let i = 0; i < TIMES; i++) {
      const merged = join(root, `merged-${i}`);
      mkdirSync(merged);
      const trees = {
        merged,
        whiteout: join(root, "whiteout"),
        whole: join(root, "whole"),
        under: join(root, "under"),
      };
      await merge({ ...trees, run: [join(root, "layer")] }).catch(() => undefined);
      for (const path of ["d/secret", "d/inner/secret"].map((name) => join(merged, name)))
        if (existsSync(path)) expect(readFileSync(path, "utf8")).toBe("mine");
      rmSync(merged, { recursive: true, force: true });
    }
    expectVictimUntouched();
  });
});

/** The workspace of the one view that shows what the test has made, as a process outside of the sandbox reaches it. */
function viewOf(stateDirectory: string): string {
  const [session = ""] = readdirSync(join(stateDirectory, "sessions"));
  const holder = readFileSync(join(stateDirectory, "sessions", session, "holder"), "utf8");
  const views = `/proc/${holder}/root/sys/kernel/s/v`;
  const view = readdirSync(views).find((name) => existsSync(join(views, name, "workspace/d/inner")));
  if (view === undefined) throw new Error(`no view in ${views} shows the directory`);
  return join(views, view, "workspace");
}
