import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { SandboxError } from "../../src/errors.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { untilNone } from "../support/leftovers.js";
import { hostDirectory } from "../support/scratch.js";
import { within } from "../support/within.js";
import { describeLocal } from "./base-sandbox.js";

describeLocal("open files of this process", () => {
  test("a view that is given back twice closes no file of somebody else, and its snapshot stays", async () => {
    const engine = local({ stateDirectory: join(await hostDirectory(), "state") });
    onTestFinished(() => engine.close());
    const snapshot = await engine.open({ host: true }, { workdir: "/workspace", user: "sandbox" });
    const { root, dispose } = await engine.view(snapshot, "/workspace");
    const descriptor = Number(/\d+/.exec(root)?.[0]);
    await dispose();
    const others: number[] = [];
    while (!others.includes(descriptor)) others.push(openSync("/proc/self/status", "r"));
    await dispose();
    expect(readFileSync(descriptor, "utf8")).toContain("Name:");
    for (const other of others) closeSync(other);
    expect(await engine.stat(snapshot, "/workspace")).toMatchObject({ type: "directory" });
  });

  test("when there can be no more of them a command fails, leaves none open, and the next one runs", async () => {
    await using sandbox = await Sandbox.create({ engine: "local", network: "off" });
    await sandbox.exec("true");
    await limitDescriptors(Math.max(...descriptors()) + 30);
    const before = descriptors();
    const failed: boolean[] = [];
    for (let room = 0; room < 20; room++) {
      const giveBack = fill(room);
      const running = sandbox.exec("cat", { stdin: "input" }).catch((error: SandboxError) => error);
      const came = await within(running).finally(giveBack);
      failed.push(came instanceof SandboxError);
      if (came instanceof SandboxError) {
        expect(came.code).toBe("LIMIT");
        expect(came.message).toContain("ulimit -n");
      } else expect(came.stdout).toBe("input");
      await untilNone(async () => descriptors().filter((each) => !before.includes(each)));
      expect((await within(sandbox.exec("echo ok"))).stdout).toBe("ok\n");
    }
    // With room for a few it gets further; with room for all it runs.
    expect(failed.indexOf(false)).toBeGreaterThan(5);
    expect(failed.lastIndexOf(true)).toBeLessThan(15);
  });
});

function descriptors(): number[] {
  const listed = readdirSync("/proc/self/fd").map(Number);
  return listed.filter((each) => existsSync(`/proc/self/fd/${each}`)); // without that of the listing
}

/** Takes all that this process may still open but so many. */
function fill(room: number): () => void {
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync("/dev/null", "r"));
  } catch {
    for (const each of taken.splice(0, room)) closeSync(each);
  }
  return () => {
    for (const each of taken) closeSync(each);
  };
}

/** Until the test's end. */
async function limitDescriptors(most: number): Promise<void> {
  const set = 'while read -r most; do prlimit --pid $PPID --nofile="$most:" && echo done; done';
  const helper: ChildProcess = spawn("sh", ["-c", set], { stdio: ["pipe", "pipe", "inherit"] });
  const say = async (line: string) => {
    helper.stdin?.write(`${line}\n`);
    await once(helper.stdout as NonNullable<typeof helper.stdout>, "data");
  };
  const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] as string;
  onTestFinished(async () => {
    await say(soft);
    helper.stdin?.end();
  });
  await say(String(most));
}
