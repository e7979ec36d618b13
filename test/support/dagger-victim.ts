import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { Base } from "../../src/engine.js";
import { type DaggerOptions, dagger } from "../../src/engines/dagger/index.js";
import { isAlive } from "../../src/files/alive.js";
import { daggerBase } from "./engine-dagger.js";
import { statePrefix } from "./engines.js";

/**
 * Dagger engines that tests may kill, stop and wipe, and that no other test uses: FORKBOX_TEST_DAGGER_VICTIMS lists
 * their addresses, with commas. FORKBOX_TEST_DAGGER_CONTROL is a program that starts one (`start ADDRESS`: resolves
 * when it answers), says which process it is (`pid ADDRESS`) and where its log and state are (`files ADDRESS`, one a line), and ends it
 * and empties its state (`wipe ADDRESS`).
 */
const VICTIMS = (process.env.FORKBOX_TEST_DAGGER_VICTIMS ?? "").split(",").filter(Boolean);
const CONTROL = process.env.FORKBOX_TEST_DAGGER_CONTROL;

/** Held while a test file uses victims: others wait. Linux gives it back whatever ends its holder. */
const LOCK = "\0forkbox-test-dagger-victims";

export class Victim {
  constructor(readonly address: string) {}

  /** Does nothing when it runs. */
  async start(): Promise<void> {
    await this.#control("start");
  }

  async signal(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): Promise<void> {
    process.kill(await this.pid(), signal);
  }

  /** Ends it in a moment, as an out-of-memory killer would, or in order. Resolves when it has ended. */
  async end(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const pid = await this.pid();
    process.kill(pid, signal);
    while (isAlive(pid)) await sleep(20);
  }

  async restart(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    await this.end(signal);
    await this.start();
  }

  /** Comes back at the same address with nothing that it had. */
  async replace(): Promise<void> {
    await this.#control("wipe");
    await this.start();
  }

  async pid(): Promise<number> {
    return Number(await this.#control("pid"));
  }

  /** Where its log and its state are. */
  async files(): Promise<string[]> {
    return (await this.#control("files")).split("\n");
  }

  /** What `Sandbox.create` needs for a sandbox on it, with an engine of the test's own. */
  options(more: DaggerOptions = {}): { engine: ReturnType<typeof dagger>; base?: Base } {
    return { engine: dagger({ engines: [this.address], ...more }), ...daggerBase() };
  }

  async #control(what: "start" | "pid" | "files" | "wipe"): Promise<string> {
    const { stdout } = await promisify(execFile)(CONTROL as string, [what, this.address]);
    return stdout.trim();
  }
}

/** Describes what becomes of work on engines that end, on `count` of them; skipped where there are none to end. */
export function describeVictims(
  name: string,
  count: number,
  tests: (first: Victim, ...others: Victim[]) => void,
): void {
  describe(name, () => {
    if (CONTROL === undefined || VICTIMS.length < count) {
      test(`there are ${count} Dagger engines to be ended`, (context) =>
        context.skip(
          "no Dagger engine to be ended: FORKBOX_TEST_DAGGER_VICTIMS and FORKBOX_TEST_DAGGER_CONTROL name such (CONTRIBUTING.md)",
        ));
      return;
    }
    const victims = VICTIMS.slice(0, count).map((address) => new Victim(address));
    const lock = createServer();
    beforeAll(async () => {
      process.env.FORKBOX_STATE_DIR = await mkdtemp(join(tmpdir(), statePrefix(process.ppid)));
      while (!(await lockIsTaken(lock))) await sleep(200);
      for (const victim of victims) await victim.start();
    }, 600_000);
    afterAll(() => {
      lock.close();
    });
    tests(...(victims as [Victim, ...Victim[]]));
  });
}

function lockIsTaken(lock: Server): Promise<boolean> {
  lock.listen({ path: LOCK });
  return once(lock, "listening").then(
    () => true,
    () => false,
  );
}
