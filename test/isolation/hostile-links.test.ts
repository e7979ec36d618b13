import { chmodSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeWalls } from "../support/local-walls.js";
import { hostFiles } from "../support/scratch.js";

// forkbox itself walks trees that sandboxed code has made: a link there must not lead it to the host's files.
await describeWalls("links that sandboxed code puts in forkbox's way", ({ sandbox }) => {
  test("refreshing from the host removes nothing behind a link in an imported directory's place", async () => {
    const host = await hostFiles({
      "project/sub/deep/victim": "imported",
      "precious/deep/victim": "the host's",
    });
    await using fork = await sandbox().fork();
    await fork.refreshFromHost(join(host, "project"), "/workspace/project");
    await fork.exec(`cd /workspace/project && rm -r sub && ln -s ${host}/precious sub`);
    rmSync(join(host, "project/sub"), { recursive: true });
    await fork.refreshFromHost(join(host, "project"), "/workspace/project");
    expect(existsSync(join(host, "precious/deep/victim"))).toBe(true);
  });

  test("refreshing from the host neither writes nor removes in the parts of the base that are the host's", async () => {
    const host = await hostFiles({ "usr/bin/env": "", "usr/share/": "", file: "x" });
    await using fork = await sandbox().fork();
    await expect(fork.refreshFromHost(host, "/")).rejects.toMatchObject({ code: "PERMISSION" });
    await fork.refreshFromHost(host, "/", { exclude: ["usr/bin/env"] });
    rmSync(join(host, "usr"), { recursive: true });
    await fork.refreshFromHost(host, "/");
    expect((await fork.exec("cat /file && ls -d /usr/share")).stdout).toBe("x/usr/share\n");
  });

  test("merging layers shows nothing of a host directory that a link below them leads to", async () => {
    const host = await hostFiles({ "private/sub/host-name": "" });
    chmodSync(host, 0o755);
    await using fork = await sandbox().fork();
    await fork.exec(`ln -s ${host}/private d`);
    const grow = async () => {
      for (let count = 0; count < 10; count++) await fork.exec(`echo ${count} > pad`);
    };
    await grow();
    await fork.exec("rm d && mkdir -p d/sub && echo x > d/sub/own");
    await grow();
    await grow();
    expect((await fork.exec("ls d/sub")).stdout).toBe("own\n");
  });
});
