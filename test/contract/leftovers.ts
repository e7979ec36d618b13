import { describe, expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { waitForProcesses } from "../support/host-processes.js";
import { cgroupsNow, descendants, locksIn, mountsOf, untilNone } from "../support/leftovers.js";
import { hostDirectory, hostTree, uniqueWord } from "../support/scratch.js";

/** The seed's last box: no resource leaks, however often. Runs when all other sandboxes are closed. */
export function describeLeftovers(engine: EngineUnderTest): void {
  describe("nothing left", () => {
    const state = () => process.env.FORKBOX_STATE_DIR as string;

    const useOnce = async (round: number) => {
      const mark = uniqueWord();
      await using sandbox = await Sandbox.create({
        ...engine.options,
        secrets: { S: "secret-of-the-round" },
      });
      await sandbox.writeFile("file", `round ${round}`);
      await sandbox.exec("echo x > out; sleep 100 &");
      await using fork = await sandbox.fork();
      const host = await hostDirectory();
      await fork.refreshFromHost(host, "/workspace/in");
      await fork.exportDirectory("/workspace", host);
      const closed = expectCode(fork.exec("sleep 100", { env: { FORKBOX_TEST_MARK: mark } }), "CLOSED");
      await waitForProcesses(mark);
      await fork.close();
      await closed;
    };

    test("after everything is closed there is no process, mount, cgroup or lock, and no disk in use", async () => {
      await useOnce(0);
      await untilNone(() => descendants(process.pid));
      await untilNone(() => mountsOf(state()));
      await untilNone(() => locksIn(state()));
      const files = await hostTree(state());
      const cgroups = await cgroupsNow();
      for (let round = 1; round <= 5; round++) await useOnce(round);
      await untilNone(() => descendants(process.pid));
      await untilNone(() => mountsOf(state()));
      await untilNone(() => locksIn(state()));
      expect(await hostTree(state())).toEqual(files);
      const added = (await cgroupsNow()).filter(
        (path) => !cgroups.includes(path) && path.includes(`-${process.pid}-`),
      );
      expect(added).toEqual([]);
    });

    test("a thousand forks that are closed leave nothing, and one that was never closed ends with its engine", async () => {
      await using sandbox = await Sandbox.create(engine.options);
      await sandbox.writeFile("file", "text");
      const size = (await hostTree(state())).length;
      for (let round = 0; round < 10; round++) {
        const forks = await Promise.all(Array.from({ length: 100 }, () => sandbox.fork()));
        await Promise.all(forks.slice(0, 3).map((fork) => fork.exec("touch own")));
        await Promise.all(forks.map((fork) => fork.close()));
      }
      await untilNone(async () =>
        (await hostTree(state())).length > size + 200 ? [`more than ${size} files`] : [],
      );
    });
  });
}
