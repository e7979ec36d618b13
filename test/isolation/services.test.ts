import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Compiled, compiled } from "../support/compiled.js";
import { processesWith } from "../support/host-processes.js";
import { describeWalls } from "../support/local-walls.js";
import { uniqueWord } from "../support/scratch.js";
import { GET, get, SERVER } from "../support/serving.js";

const MODES = ["detached", "leaderless"];
if (process.arch === "x64") MODES.push("takeover");

await describeWalls("services", ({ sandbox, user, network }) => {
  let programs: Compiled | undefined;
  beforeAll(async () => {
    programs = compiled("survivor");
    await sandbox().writeFiles([
      { path: "server.js", data: SERVER },
      { path: "get.js", data: GET },
    ]);
  });
  afterAll(() => programs?.remove());

  test.each(MODES)("%s: nothing of one is alive when its end is told, nor after stop", async (mode) => {
    if (!programs) return expect.fail("these tests need a C compiler: install gcc and libc6-dev");
    const mark = uniqueWord();
    await using box = await sandbox().fork();
    await box.refreshFromHost(programs.directory, "/workspace/bin");
    const loop = "while :; do date +%N >>alive; sleep 0.02; done";
    const survive = ["bin/survivor", mode, "sh", "-c", loop, mark] as const;
    const ended = await box.start(survive, { name: "ended" });
    expect(await ended.exited).toEqual({ reason: "exited", exitCode: 0 });
    expect(await processesWith(mark)).toEqual([]);
    await ended.stop({ keep: true });
    const written = (await box.readTextFile("alive")).length;
    expect(written).toBeGreaterThan(2);

    const beside = `${survive.map((word) => `'${word}'`).join(" ")} & exec sleep 1000`;
    // Taken over, it may be at its end before anybody has looked.
    const stopped = await box.start(beside, { name: "stopped" });
    await stopped.waitFor({ log: /left/ }).catch(() => undefined);
    await stopped.stop();
    expect(await processesWith(mark)).toEqual([]);
    expect((await box.readTextFile("alive")).length).toBe(written);
  });

  // As long as the grace of a stop: once is enough.
  test.runIf(user === "sandbox" && network === "off")(
    "what freezes all that comes into its namespace is stopped all the same",
    async () => {
      const mark = uniqueWord();
      await using box = await sandbox().fork();
      const freeze = `trap "" TERM; echo up; while :; do for p in /proc/[0-9]*; do p=\${p#/proc/}; [ $p = 1 ] || [ $p = $$ ] || kill -STOP $p 2>/dev/null; done; done`;
      const service = await box.start(freeze, { env: { MARK: mark }, ready: { log: /up/ } });
      await service.stop();
      expect(await processesWith(mark)).toEqual([]);
      expect((await box.exec("echo on")).stdout).toBe("on\n");
    },
  );

  test("no other sandbox, no fork and nobody on the host reaches it, unless it is published", async () => {
    await using box = await sandbox().fork();
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const service = await box.start(`node server.js ${port}`, { name: "web", ready: { port } });
    expect(await get(box, `http://web:${port}/`)).toBe("served /\n");
    await using stranger = await sandbox().fork();
    await using fork = await box.fork({ services: false });
    for (const other of [stranger, fork])
      expect(await get(other, `http://localhost:${port}/`)).toContain("ECONNREFUSED");
    const refused = await new Promise((resolve) => {
      connect({ host: "127.0.0.1", port })
        .on("connect", () => resolve(false))
        .on("error", () => resolve(true));
    });
    expect(refused).toBe(true);
    expect(service.url).toBeUndefined();
  });

  test("it reaches nothing of the host's loopback, and sees nothing of what connects to it", async () => {
    const server = createServer((_, response) => response.end("the host's\n")).listen(0, "127.0.0.1");
    try {
      await new Promise((resolve) => server.once("listening", resolve));
      const { port } = server.address() as AddressInfo;
      await using box = await sandbox().fork();
      const look = `node get.js http://localhost:${port}/ http://127.0.0.1:${port}/; echo looked`;
      const service = await box.start(`${look}; exec node server.js 3000`, {
        ready: { port: 3000, path: "/" },
        publish: true,
      });
      await (await fetch(`${service.url}`)).text();
      const { stdout } = await box.exec("grep -l [c]onnect-program /proc/[0-9]*/cmdline; echo $?");
      expect(stdout).toBe("1\n");
      // The socket by which it is asked has a name there, and nothing behind that.
      const paths = "sed -n 's/.* \\([^ ]*[.]connect\\)$/\\1/p' /proc/net/unix";
      const knock = `for p in $(${paths}); do for at in $p /$p /sys/kernel/s/$p; do [ -e "$at" ] && echo "there is $at"; done; done; echo tried`;
      expect((await box.exec(knock)).stdout).toBe("tried\n");
      let seen = "";
      await service.stop();
      for await (const { text } of service.output()) seen += text;
      expect(seen).toContain("looked");
      expect(seen).not.toContain("the host's");
      expect(seen.match(/failed: ECONNREFUSED/g)).toHaveLength(2);
    } finally {
      server.close();
    }
  });

  test("connections to a url are bounded, and closed ones give their place back", async () => {
    await using box = await sandbox().fork();
    const service = await box.start("node server.js 3000", { ready: { port: 3000 }, publish: true });
    const { port } = new URL(service.url as string);
    const before = readdirSync("/proc/self/fd").length;
    const clients = Array.from({ length: 400 }, () => connect({ host: "127.0.0.1", port: Number(port) }));
    await Promise.all(
      clients.map((client) => new Promise((resolve) => client.on("connect", resolve).on("error", resolve))),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    // Ours of these are 400, at most; theirs at most 128, with as many into the sandbox.
    expect(readdirSync("/proc/self/fd").length - before).toBeLessThan(400 + 2 * 128 + 20);
    for (const client of clients) client.destroy();
    await expect
      .poll(async () => (await fetch(`${service.url}/after`)).text(), { timeout: 10_000 })
      .toBe("served /after\n");
  });
});
