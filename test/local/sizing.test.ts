import { availableParallelism } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import type { CreateOptions } from "../../src/options.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { probeLocal } from "../support/engine-local.js";
import { dockerSave, smallSystem } from "./base-images.js";
import { describeLocal, users } from "./base-sandbox.js";

const engine = await probeLocal();
const limited = !("unavailable" in engine) && engine.capabilities.limits.memoryMiB === true;
const limits = { memoryMiB: 512, cpus: 1 };
const open = async (options: CreateOptions) => {
  const sandbox = await Sandbox.create({ engine: "local", network: "off", ...options });
  onTestFinished(() => sandbox.close());
  return sandbox;
};
const MIB = 1024 * 1024;

describeLocal("what programs see of the machine", () => {
  for (const user of limited ? users : []) {
    test(`Node and the scheduler's readers see the memory and CPUs of their command, as ${user}`, async () => {
      const sandbox = await open({ user, limits });
      const script =
        "console.log(process.constrainedMemory(), os.availableParallelism(), v8.getHeapStatistics().heap_size_limit)";
      const { stdout } = await sandbox.exec(["node", "-e", script]);
      const [memory, parallel, heap] = stdout.trim().split(" ").map(Number);
      expect([memory, parallel]).toEqual([512 * MIB, 1]);
      expect(heap).toBeLessThan(512 * MIB);
      expect((await sandbox.exec("nproc; echo $GOMEMLIMIT")).stdout).toBe("1\n471859KiB\n");
      expect((await sandbox.exec("echo $GOMEMLIMIT", { env: { GOMEMLIMIT: "own" } })).stdout).toBe("own\n");
    });

    test(`a JVM sizes its heap and pools by its command's limits, as ${user}`, async (context) => {
      const sandbox = await open({ user, limits });
      const { stdout, exitCode } = await sandbox.exec(
        "command -v java >/dev/null && java -XX:+PrintFlagsFinal -version 2>/dev/null | grep -w MaxHeapSize",
      );
      if (exitCode !== 0) return context.skip("there is no java here");
      expect(Number(/= *(\d+)/.exec(stdout)?.[1])).toBeLessThanOrEqual(256 * MIB);
    });

    test(`what is shown is the command's own cgroup, alone and read-only, as ${user}`, async () => {
      const sandbox = await open({ user, limits });
      const { stdout } = await sandbox.exec(`
        find /sys/fs/cgroup -mindepth 2 -type d; ls -A /sys /sys/fs; cut -d: -f3 /proc/self/cgroup | sort -u
        for file in $(find /sys/fs/cgroup -type f); do (: >>$file) 2>/dev/null && echo "$file can be written"; done
        mkdir /sys/fs/cgroup/own /sys/own 2>&1 | grep -c "Read-only"
        for file in $(find /sys/fs/cgroup -name cgroup.procs); do
          while read pid; do [ $pid = 0 ] || [ -e /proc/$pid ] || echo $pid is a stranger; done <$file
        done`);
      expect(stdout).toBe("/sys:\nfs\n\n/sys/fs:\ncgroup\n/\n2\n");
      expect(await sandbox.listDirectory("/sys")).toEqual([]);
    });
  }

  test.runIf(limited)("a link where it would be shown is not followed, and the command runs", async () => {
    const archive = await dockerSave([
      smallSystem(),
      [{ name: "sys", type: "symlink", linkname: "/workspace" }],
    ]);
    const sandbox = await open({ base: { archive }, limits });
    expect((await sandbox.exec("ls -A /workspace; echo ran")).stdout).toBe("ran\n");
  });

  test.runIf(limited)("commands at once are spread over the CPUs", async () => {
    const cpus = availableParallelism();
    const sandboxes = await Promise.all(Array.from({ length: cpus }, () => open({ limits: { cpus: 1 } })));
    const script = "sleep 1; grep Cpus_allowed_list /proc/self/status";
    const results = await Promise.all(sandboxes.map((sandbox) => sandbox.exec(script)));
    expect(new Set(results.map(({ stdout }) => stdout)).size).toBe(cpus);
  });

  test("without limits nothing of it is there", async () => {
    const sandbox = await open({});
    const { stdout } = await sandbox.exec("ls /sys 2>/dev/null; echo $GOMEMLIMIT; nproc");
    expect(stdout).toBe(`\n${availableParallelism()}\n`);
  });
});
