import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Cgroups, findCgroups } from "../../src/engines/local/commands/cgroups.js";
import { hostDirectory } from "../support/scratch.js";

const { memory } = findCgroups();

describe.skipIf(memory?.version !== 1)("memory cgroups of version 1", () => {
  test("a limit below what is in use is LIMIT, in words", async () => {
    const cgroups = new Cgroups(
      { memory: memory as NonNullable<typeof memory> },
      join(await hostDirectory()),
    );
    const cgroup = cgroups.make("1");
    const hold = 'process.stdin.resume(); globalThis.held = Buffer.alloc(64 << 20, 1); console.log("held")';
    const user = spawn("sh", ["-c", 'read -r go; exec "$@"', "sh", process.execPath, "-e", hold]);
    onTestFinished(async () => {
      user.kill("SIGKILL");
      await once(user, "exit");
      cgroups.close();
    });
    writeFileSync(join(cgroup.directories[0] as string, "cgroup.procs"), String(user.pid));
    user.stdin.write("go\n");
    await once(user.stdout, "data");
    expect(() => cgroup.limit({ memoryMiB: 8 })).toThrowError(/limits\.memoryMiB is less than/);
  });
});
