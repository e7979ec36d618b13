import { chmodSync, existsSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { describeWalls } from "../support/local-walls.js";
import { hostFiles } from "../support/scratch.js";

// forkbox itself walks trees that sandboxed code has made: a link there must not lead it to the host's files.
await describeWalls("links that sandboxed code puts in forkbox's way", ({ sandbox, user, network }) => {
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
  test("a link or a file in the way of what the base shows stops commands, and nothing is shown where it leads", async () => {
    const host = await hostFiles({ "shown/tools/file": "tool", "link/": "", "file/": "" });
    chmodSync(host, 0o755);
    const [parent, name] = [dirname(host), basename(host)];
    symlinkSync("/workspace/elsewhere", join(host, "link", name));
    writeFileSync(join(host, "file", name), "");
    const tools = join(host, "shown/tools");
    const base = { host: true, paths: [tools] } as const;
    await using created = await Sandbox.create({ engine: "local", base, user, network });
    await created.exec("mkdir -p elsewhere/shown/tools");
    const show = `cat ${tools}/file; ls elsewhere/shown/tools`;
    for (const planted of ["link", "file"]) {
      await using fork = await created.fork();
      await fork.refreshFromHost(join(host, planted), parent);
      await expect(fork.exec(show)).rejects.toMatchObject({ code: "NOT_A_DIRECTORY" });
      await fork.deleteFile(host);
      // What is made anew is the sandbox's own: its code may move it.
      const move = `mv ${host} ${host}.away && ln -s /workspace/elsewhere ${host}`;
      expect((await fork.exec(`${show}; ${move}`)).stdout).toBe("tool");
      expect((await fork.stat(host))?.type).toBe("symlink");
      await expect(fork.exec(show)).rejects.toMatchObject({ code: "NOT_A_DIRECTORY" });
    }
  });
});
