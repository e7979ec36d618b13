import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { homedir, networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attempt, expectDenied } from "../support/attempt.js";
import { expectCode } from "../support/errors.js";
import { describeWalls } from "../support/local-walls.js";
import { uniqueWord } from "../support/scratch.js";

await describeWalls("services of the host", ({ sandbox, network }) => {
  const abstractName = uniqueWord("forkbox-abstract");
  const directories = [tmpdir(), "/var/tmp", homedir(), "/run", "/dev/shm"];
  const socketFiles: string[] = [];
  const servers: Server[] = [];
  let abstractServer: ChildProcess;
  let port: number;
  let connections = 0;

  beforeAll(async () => {
    // On every address there is, IPv4 and IPv6.
    port = await listen({ port: 0, host: "0.0.0.0" });
    await listen({ port, host: "::", ipv6Only: true }).catch(() => undefined);
    for (const directory of directories) {
      try {
        const own = mkdtempSync(join(directory, "forkbox-test-socket-"));
        chmodSync(own, 0o755);
        const path = join(own, "socket");
        await listen({ path });
        chmodSync(path, 0o777);
        socketFiles.push(path);
      } catch {
        // Not a place of this user's.
      }
    }
    // Node has no abstract sockets; perl is part of every Debian.
    abstractServer = spawn("perl", ["-MIO::Socket::UNIX", "-e", serveAbstract, abstractName]);
    await once(abstractServer.stdout as NodeJS.ReadableStream, "data");
  });
  afterAll(() => {
    for (const server of servers) server.close();
    for (const path of socketFiles) rmSync(join(path, ".."), { recursive: true, force: true });
    abstractServer?.kill("SIGKILL");
  });

  async function listen(where: {
    port?: number;
    host?: string;
    path?: string;
    ipv6Only?: boolean;
  }): Promise<number> {
    const server = createServer((socket) => {
      connections++;
      socket.end("reached the host");
    });
    server.listen(where);
    await once(server, "listening");
    servers.push(server);
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  const hostAddresses = () =>
    Object.values(networkInterfaces()).flatMap((addresses) =>
      (addresses ?? []).map(({ address, scopeid }) => (scopeid ? `${address}%tap0` : address)),
    );

  test("loopback and every address of the host, and what slirp gives it, answer nothing", async () => {
    expect(await reach(port)).toBe("reached the host");
    const before = connections;
    const targets = [
      ...new Set([...hostAddresses(), "127.0.0.1", "::1", "10.0.2.2", "localhost", "0.0.0.0"]),
    ];
    expect(targets.length).toBeGreaterThan(4);
    const results = await tryConnecting(targets.map((host) => ({ host, port })));
    expect(Object.keys(results).length).toBe(targets.length);
    expect(Object.values(results).filter((result) => result === "connected")).toEqual([]);
    expect(connections).toBe(before);
  });

  test("the same script does reach a server of the sandbox's own", async () => {
    const { output } = await attempt(
      sandbox(),
      `node -e '
        const net = require("node:net");
        const server = net.createServer((s) => s.end()).listen(0, "127.0.0.1", () =>
          net.connect(server.address().port, "127.0.0.1", () => { console.log("connected"); process.exit(0); }));
      '`,
    );
    expect(output).toBe("connected\n");
  });

  test("cloud metadata is cut off at once, not by chance", async () => {
    // As long as an IPv6 address is not settled (flag 40) nothing leaves by it, cut off or not.
    await attempt(
      sandbox(),
      "for i in $(seq 40); do grep -q ' 40 *tap0' /proc/net/if_inet6 || break; sleep 0.1; done",
    );
    const results = await tryConnecting([
      { host: "169.254.169.254", port: 80 },
      { host: "169.254.170.2", port: 80 },
      { host: "fe80::1%tap0", port: 80 },
    ]);
    for (const [target, result] of Object.entries(results)) {
      expect([target, result]).toEqual([
        target,
        expect.stringMatching(/^(EINVAL|ENETUNREACH|EHOSTUNREACH|EACCES|EADDRNOTAVAIL)$/),
      ]);
    }
  });

  test("UDP to the host's addresses arrives nowhere", async () => {
    const { createSocket } = await import("node:dgram");
    const socket = createSocket("udp4");
    let messages = 0;
    socket.on("message", () => messages++);
    socket.bind(0, "0.0.0.0");
    await once(socket, "listening");
    const udpPort = socket.address().port;
    const targets = [...hostAddresses().filter((address) => !address.includes(":")), "10.0.2.2", "127.0.0.1"];
    const { output } = await attempt(
      sandbox(),
      `node -e '
        const socket = require("node:dgram").createSocket("udp4");
        const targets = ${JSON.stringify(targets)};
        socket.on("error", () => {});
        for (const host of targets) socket.send("x", ${udpPort}, host, () => {});
        setTimeout(() => { console.log("sent", targets.length); process.exit(0); }, 300);
      '`,
    );
    expect(output).toContain("sent");
    expect(messages).toBe(0);
    // The same from the host arrives.
    const sender = createSocket("udp4");
    sender.send("x", udpPort, "127.0.0.1", () => sender.close());
    await once(socket, "message");
    socket.close();
  });

  test("abstract sockets of the host can't be reached", async () => {
    const script = `perl -MIO::Socket::UNIX -e '${connectAbstract}' ${abstractName}`;
    expect(await runOnHost(abstractName)).toContain("connected");
    const { output } = await attempt(sandbox(), script);
    expect(output).toMatch(/^refused/);
    const { output: list } = await attempt(sandbox(), "cat /proc/net/unix");
    expect(list).not.toContain(abstractName);
  });

  test("socket files of the host can't be reached", async () => {
    expect(socketFiles.length).toBeGreaterThan(0);
    for (const path of socketFiles) {
      expect(existsSync(path)).toBe(true);
      const { output } = await attempt(
        sandbox(),
        `node -e 'require("node:net").connect(process.argv[1]).on("connect", () => console.log("connected")).on("error", (e) => console.log(e.code))' ${path}`,
      );
      expect(output).toMatch(/^(ENOENT|EACCES|ECONNREFUSED)\n$/);
    }
    for (const path of [
      "/run/docker.sock",
      "/var/run/docker.sock",
      "/run/dbus/system_bus_socket",
      "/run/systemd/private",
    ]) {
      expect((await attempt(sandbox(), `test -e ${path}`)).exitCode).toBe(1);
    }
  });

  test("another sandbox's servers can't be reached", async () => {
    const other = await sandbox().fork();
    const controller = new AbortController();
    let said = "";
    let heard: () => void = () => undefined;
    const listening = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const serving = expectCode(
      other.exec(`node -e '${serveAll}'`, {
        signal: controller.signal,
        onStdout: (chunk) => {
          said += chunk;
          heard();
        },
      }),
      "ABORTED",
    );
    await Promise.race([listening, serving]);
    const theirPort = Number(said);
    const hosts = ["127.0.0.1", "10.0.2.100", "10.0.2.15", "10.0.2.2", ...hostAddresses()];
    const results = await tryConnecting(hosts.map((host) => ({ host, port: theirPort })));
    controller.abort();
    await serving;
    await other.close();
    expect(Object.values(results)).not.toContain("connected");
    expect(said).not.toContain("visited");
  });

  if (network === "on") {
    test("what is cut off can't be opened again from inside", async () => {
      for (const script of [
        "ip route del blackhole 169.254.0.0/16",
        "ip route add 169.254.169.254 dev lo",
        "ip route flush table main",
        "ip rule add from all lookup 77",
        "ip address add 10.0.2.77/24 dev tap0",
        "ip link add dummy0 type dummy",
      ]) {
        await expectDenied(sandbox(), script);
      }
    });
  }

  if (network === "off") {
    test("no name is resolved and no address is reached", async () => {
      const results = await tryConnecting([
        { host: "10.0.2.3", port: 53 },
        { host: "1.1.1.1", port: 53 },
        { host: "example.com", port: 80 },
      ]);
      for (const result of Object.values(results))
        expect(result).toMatch(/^E(NETUNREACH|AI_AGAIN|NOTFOUND|HOSTUNREACH)$/);
    });
  }

  /** Tries all at once from inside; "connected", an error's code or "no answer" for each. */
  async function tryConnecting(targets: { host: string; port: number }[]): Promise<Record<string, string>> {
    const distinct = [...new Map(targets.map((target) => [target.host, target])).values()];
    const { output } = await attempt(sandbox(), `node -e '${connectAll}' '${JSON.stringify(distinct)}'`);
    return JSON.parse(output) as Record<string, string>;
  }

  async function reach(hostPort: number): Promise<string> {
    const [data] = await once(connect(hostPort, "127.0.0.1"), "data");
    return String(data);
  }

  async function runOnHost(name: string): Promise<string> {
    const client = spawn("perl", ["-MIO::Socket::UNIX", "-e", connectAbstract, name]);
    const [data] = await once(client.stdout, "data");
    return String(data);
  }
});

const serveAbstract =
  '$s = IO::Socket::UNIX->new(Local => "\\0$ARGV[0]", Listen => 5) or die $!; $| = 1; print "up\\n"; while ($c = $s->accept) { close $c }';
const connectAbstract =
  '$s = IO::Socket::UNIX->new(Peer => "\\0$ARGV[0]"); print $s ? "connected\\n" : "refused $!\\n"';
const serveAll = `
  const server = require("node:net").createServer((s) => { console.log("visited"); s.end(); });
  server.listen(0, "0.0.0.0", () => console.log(server.address().port));
`;
const connectAll = `
  const net = require("node:net");
  const results = {};
  const targets = JSON.parse(process.argv[1]);
  const finish = () => { console.log(JSON.stringify(results)); process.exit(0); };
  for (const { host, port } of targets) {
    const note = (result) => {
      results[host] ??= result;
      if (Object.keys(results).length === targets.length) finish();
    };
    try {
      net.connect(port, host).on("connect", () => note("connected")).on("error", (error) => note(error.code));
    } catch (error) {
      note(error.code);
    }
    setTimeout(() => note("no answer"), 3000);
  }
`;
