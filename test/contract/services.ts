import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import type { OutputChunk } from "../../src/service.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode, expectRefused } from "../support/errors.js";
import { uniqueWord } from "../support/scratch.js";
import { get, hasServices, prepareServer } from "../support/serving.js";

/** A command that runs beside others: how it is found, when it is ready, what it prints. */
export function describeServices(engine: EngineUnderTest): void {
  describe("services", () => {
    if (!hasServices(engine)) return;
    const prepared = prepareServer(engine);

    test("later commands find it at localhost and at its name, and the snapshot's hosts file is as it was", async () => {
      const sandbox = await prepared.fork();
      const hosts = await sandbox.readTextFile("/etc/hosts");
      await sandbox.start("node server.js 3000", { name: "web", ready: { port: 3000 } });
      expect(await get(sandbox, "http://localhost:3000/a", "http://web:3000/b")).toBe(
        "served /a\nserved /b\n",
      );
      expect(await sandbox.readTextFile("/etc/hosts")).toBe(hosts);
      await sandbox.service("web").stop();
      expect((await sandbox.exec("cat /etc/hosts")).stdout).toBe(hosts);
      expect(await get(sandbox, "http://localhost:3000/")).toContain("ECONNREFUSED");
    });

    test("what it writes is its own, and it sees nothing that is written after its start", async () => {
      const sandbox = await prepared.fork();
      const loop = "echo mine > made; until [ -e later ]; do sleep 0.05; done";
      const service = await sandbox.start(`${loop} & sleep 0.5; echo looked; wait`, {
        ready: { log: /looked/ },
      });
      await sandbox.exec("echo later > later; ls made", { timeoutMs: 30_000 });
      expect(await sandbox.stat("made")).toBeUndefined();
      await service.stop();
      expect(await service.exited).toMatchObject({ reason: "stopped" });
      expect(await sandbox.stat("made")).toBeUndefined();
      expect(await sandbox.readTextFile("later")).toBe("later\n");
    });

    test("it has the variables and the cwd of its start, and a list needs no shell", async () => {
      const sandbox = await prepared.fork();
      sandbox.withEnv("A", "sandbox").withEnv("B", "sandbox");
      await sandbox.makeDirectory("sub");
      const service = await sandbox.start(["sh", "-c", 'echo "$A $B $PWD"; sleep 1000'], {
        env: { B: "own" },
        cwd: "sub",
      });
      await service.waitFor({ log: /own/ });
      const { value } = await service.output().next();
      expect(value).toEqual({ stream: "stdout", text: "sandbox own /workspace/sub\n" });
    });

    test("it is ready when a path is answered well, not sooner", async () => {
      const sandbox = await prepared.fork();
      const service = await sandbox.start("node server.js 3000", { ready: { port: 3000, path: "/healthz" } });
      await expectCode(service.waitFor({ port: 3000, path: "/missing" }, { timeoutMs: 300 }), "TIMEOUT");
      await service.waitFor({ port: 3000, path: "/there" });
      expect(await get(sandbox, "http://localhost:3000/")).toBe("served /\n");
    });

    test("one that is not ready in time is TIMEOUT with its last output, and is gone", async () => {
      const sandbox = await prepared.fork();
      const options = { name: "slow", ready: { port: 3000 }, timeoutMs: 700 } as const;
      const error = await expectCode(sandbox.start("echo thinking; sleep 1000", options), "TIMEOUT");
      expect(error.message).toContain("thinking");
      await expectRefused(() => sandbox.service("slow"), "NOT_FOUND");
      expect((await sandbox.exec("echo on")).stdout).toBe("on\n");
    });

    test("one that ends before it is ready fails at once with its last output", async () => {
      const sandbox = await prepared.fork();
      const error = await expectCode(
        sandbox.start("echo no such database >&2; exit 3", { ready: { port: 3000 } }),
        "SERVICE_ENDED",
      );
      expect(error.message).toMatch(/exit code 3[\s\S]*no such database/);
      const missing = await expectCode(
        sandbox.start(["no-such-program"], { ready: { port: 1 } }),
        "SERVICE_ENDED",
      );
      expect(missing.message).toMatch(/127[\s\S]*not found/);
      await expectCode(sandbox.start("true", { cwd: "nowhere" }), "NOT_FOUND");
      expect((await sandbox.exec("echo on")).stdout).toBe("on\n");
    });

    test("one that ends later says how, and the next operation goes on", async () => {
      const sandbox = await prepared.fork();
      const service = await sandbox.start("sleep 0.2; exit 7");
      expect(await service.exited).toEqual({ reason: "exited", exitCode: 7 });
      await expectCode(service.waitFor({ port: 80 }), "SERVICE_ENDED");
      expect((await sandbox.exec("echo on")).stdout).toBe("on\n");
      await service.stop();
      await service.stop();
    });

    test("a pattern that takes for ever on what it prints is LIMIT, and holds up nobody", async () => {
      const sandbox = await prepared.fork();
      const pattern = /^(a+)+$/;
      const print = 'node -e \'console.log("a".repeat(4000) + "b"); setInterval(() => {}, 1000)\'';
      const error = await expectCode(sandbox.start(print, { ready: { log: pattern } }), "LIMIT");
      expect(error.message).toContain(String(pattern));
    });

    test("its output is read from its start, by many, and ends with it", async () => {
      const sandbox = await prepared.fork();
      const seen: string[] = [];
      const service = await sandbox.start("echo one; echo two >&2; sleep 1000", {
        ready: { log: /two/ },
        onStdout: (text) => seen.push(text),
      });
      const readers = [all(service.output()), all(service.output())];
      await service.stop();
      for (const chunks of await Promise.all(readers)) {
        expect(chunks.sort((a, b) => a.text.localeCompare(b.text))).toEqual([
          { stream: "stdout", text: "one\n" },
          { stream: "stderr", text: "two\n" },
        ]);
      }
      expect(seen).toEqual(["one\n"]);
    });

    test("of output without an end the middle is dropped, and both ends are there", async () => {
      await using sandbox = await Sandbox.create({ ...engine.options, limits: { outputBytes: 100_000 } });
      const service = await sandbox.start("echo first; seq 1 300000; echo last");
      await service.exited;
      const text = (await all(service.output())).map((chunk) => chunk.text).join("");
      expect(text.length).toBeLessThan(250_000);
      expect(text).toMatch(/^first\n1\n/);
      expect(text).toMatch(/\n\.\.\. \d+ bytes dropped \.\.\.\n/);
      expect(text).toMatch(/300000\nlast\n$/);
    });

    test("a secret is redacted in its output and its errors, its own and one that another command hands to it", async () => {
      const [own, handed] = [uniqueWord("secret"), uniqueWord("secret")];
      const sandbox = await prepared.fork();
      const failed = await expectCode(
        sandbox.start('echo "$OWN"; exit 1', { secrets: { OWN: own }, ready: { port: 1 } }),
        "SERVICE_ENDED",
      );
      expect(failed.message).toContain("***");
      expect(failed.message).not.toContain(own);
      const service = await sandbox.start('echo "own $OWN"; exec node server.js 3000', {
        secrets: { OWN: own },
        ready: { port: 3000 },
      });
      await sandbox.exec('node get.js "http://localhost:3000/$HANDED"', { secrets: { HANDED: handed } });
      expect((await sandbox.exec(`echo ${own}`)).stdout).toBe("***\n");
      await service.stop();
      const text = (await all(service.output())).map((chunk) => chunk.text).join("");
      expect(text).toContain("own ***\n");
      expect(text).toContain("asked for /***\n");
    });

    test("a url leads to it from this machine, by loopback only, until it stops", async () => {
      const sandbox = await prepared.fork();
      const service = await sandbox.start("node server.js 3000", { ready: { port: 3000 }, publish: true });
      const url = service.url as string;
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect(await (await fetch(`${url}/x`)).text()).toBe("served /x\n");
      const many = await Promise.all(
        Array.from({ length: 40 }, async (_, i) => (await fetch(`${url}/${i}`)).text()),
      );
      expect(many).toContain("served /39\n");
      const port = Number(new URL(url).port);
      const others = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
      for (const { address, internal, family } of others)
        if (!internal && family === "IPv4") expect(await answers(address, port)).toBe(false);
      await service.stop();
      expect(await answers("127.0.0.1", port)).toBe(false);
      const unpublished = await sandbox.start("sleep 1000");
      expect(unpublished.url).toBeUndefined();
    });

    test("it works without a network, and nothing of the machine is reached", async () => {
      await using sandbox = await Sandbox.create({ ...engine.options, network: "off" });
      await sandbox.writeFile(
        "server.js",
        (await (await prepared.fork()).readFile("server.js")) as Uint8Array,
      );
      await sandbox.start("node server.js 80", { name: "web", ready: { port: 80 } });
      const ask = 'fetch("http://web/").then(r => r.text()).then(t => process.stdout.write(t))';
      expect((await sandbox.exec(["node", "-e", ask])).stdout).toBe("served /\n");
      expect((await sandbox.exec("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '")).stdout).toBe("lo\n");
    });

    test("what can't be valid is INVALID_ARGUMENT", async () => {
      const sandbox = await prepared.fork();
      const bad = [
        { name: "Web" },
        { name: "a.b" },
        { name: "localhost" },
        { name: "-a" },
        { ready: { port: 0 } },
        { ready: { port: 80, path: "x" } },
        { ready: { port: 80, path: "/a b" } },
        { ready: { log: "text" } },
        { ready: { port: 80, log: /x/ } },
        { publish: true },
        { publish: 70_000 },
        { timeoutMs: 0 },
        { redy: { port: 1 } },
      ];
      for (const options of bad)
        await expectRefused(() => sandbox.start("true", options as object), "INVALID_ARGUMENT");
      await sandbox.start("sleep 1000", { name: "one" });
      await expectRefused(() => sandbox.start("sleep 1000", { name: "one" }), "INVALID_ARGUMENT");
      await expectRefused(() => sandbox.service("two"), "NOT_FOUND");
    });
  });
}

async function all(output: AsyncIterable<OutputChunk>): Promise<OutputChunk[]> {
  const chunks: OutputChunk[] = [];
  for await (const chunk of output) chunks.push(chunk);
  return chunks;
}

async function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 });
    const settle = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.on("connect", () => settle(true));
    socket.on("error", () => settle(false));
    socket.on("timeout", () => settle(false));
  });
}
