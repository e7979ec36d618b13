import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bases, describeLocal, isRoot } from "../local/base-sandbox.js";
import { buildLibrary } from "../support/build.js";
import { hostDirectory } from "../support/scratch.js";

/**
 * A host in namespaces of its own: a service on every address and a multicast group; an address on lo, one on an
 * interface without carrier, a range; a name server on its loopback. More addresses come when `go` is there.
 */
const HOST = `
  cd "$0"; waits=0
  ip link set lo up
  ip link add out type veth peer name outer && ip addr add 198.51.100.2/24 dev out && ip link set outer up && ip link set out up
  ip route add default via 198.51.100.1
  ip addr add 10.77.0.1/32 dev lo
  ip route add local 10.99.0.0/16 dev lo
  ip link add v2 type veth peer name v3 && ip addr add 172.30.0.1/16 dev v2 && ip link set v2 up
  echo nameserver 127.0.0.1 >resolv.conf && mount --bind resolv.conf /etc/resolv.conf
  mkdir dev && mount -t tmpfs -o mode=755 tmpfs dev && mknod -m 666 dev/tun c 10 200 && mount --bind dev/tun /dev/net/tun
  node=$1; shift
  "$node" service.mjs & service=$!
  (until [ -e go ] || [ $((waits += 1)) = 4000 ]; do sleep 0.02; done; ip addr add 10.78.0.1/32 dev lo; ip link add v4 type veth peer name v5
    ip addr add 172.31.0.1/16 dev v4; ip link set v4 up; : >came) & comer=$!
  until [ -e serving ] || ! kill -0 $service; do sleep 0.05; done
  "$@" "$node" program.mjs
  kill $service $comer 2>/dev/null
`;

const SERVICE = `
  import { createSocket } from "node:dgram";
  import { writeFileSync } from "node:fs";
  import { createServer } from "node:net";
  const seen = (what) => writeFileSync("seen", what + "\\n", { flag: "a" });
  const group = createSocket({ type: "udp4", reuseAddr: true });
  group.on("message", (text) => seen("udp " + text)).bind(9999, "0.0.0.0", () => {
    group.addMembership("224.0.0.251", "198.51.100.2");
    group.addMembership("239.1.2.3", "198.51.100.2");
    createServer((socket) => socket.end("HOST")).listen(9999, "0.0.0.0", () => seen("start")).on("connection", () => seen("tcp"));
    writeFileSync("serving", "");
  });
`;

const PROBE = `
import socket, sys, time
def reach(kind, host, device, source):
    try:
        s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
        s.settimeout(0.4)
        if device: s.setsockopt(socket.SOL_SOCKET, 25, device)
        if source and ":" not in host: s.bind((source, 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.connect((host, 9999))
        s.send(b"sandboxed")
        return kind == socket.SOCK_STREAM
    except OSError: return False
print("up", flush=True)
for name in sys.argv[2:]:
    for device in (None, b"tap0"):
        for source in (None, "10.0.2.100"):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                if reach(kind, name, device, source): print("reached", name, device, source)
if sys.argv[1] != "0":
    time.sleep(float(sys.argv[1]))
    for name in ("10.78.0.1", "172.31.0.1", "::ffff:10.78.0.1"):
        if reach(socket.SOCK_STREAM, name, None, None): print("reached later", name)
print("done", open("/proc/net/dev").read().count("tap0"))
`;

const PROGRAM = `
  import { existsSync, writeFileSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
  import { local, Sandbox } from "LIBRARY";
  const engine = local();
  const sandbox = await Sandbox.create({ engine, user: process.env.SANDBOX_USER });
  await sandbox.writeFile("probe.py", ${JSON.stringify(PROBE)});
  const run = (onStdout, ...args) => sandbox.exec(["/usr/bin/python3", "probe.py", ...args], { onStdout });
  const hosts = ["198.51.100.2", "10.77.0.1", "172.30.0.1", "10.99.1.2", "198.51.100.255", "255.255.255.255",
    "224.0.0.251", "239.1.2.3", "10.0.2.2", "10.0.2.3", "0.0.0.0", "::ffff:10.77.0.1", "::ffff:172.30.0.1",
    "64:ff9b::a4d:1", "2002:a4d:1::1"];
  console.log("all:", (await run(undefined, "0", ...hosts)).stdout);
  console.log("new:", (await run(() => writeFileSync("go", ""), "1.5")).stdout);
  // Only this namespace's: the watch of a sandbox that this very program runs.
  const mine = readlinkSync("/proc/self/ns/net");
  const watches = () => readdirSync("/proc").filter((pid) => {
    try {
      return readlinkSync("/proc/" + pid + "/ns/net") === mine && readFileSync("/proc/" + pid + "/cmdline", "latin1").startsWith("ip\\0monitor");
    } catch { return false; }
  });
  let ended = 0;
  const end = () => { for (const pid of ended ? [] : watches()) { ended++; process.kill(Number(pid), "SIGKILL"); } };
  console.log("unwatched:", (await run(end, "0.7")).stdout, ended);
  console.log("again:", (await run(undefined, "0")).stdout);
  await sandbox.close();
  await engine.close();
`;

const hasNetwork = bases !== undefined && spawnSync("/usr/bin/python3", ["-c", ""]).status === 0;

describeLocal("the host's own addresses", () => {
  let library: Awaited<ReturnType<typeof buildLibrary>>;
  beforeAll(async () => {
    library = await buildLibrary();
  }, 120_000);
  afterAll(() => library?.remove());

  test.runIf(isRoot && hasNetwork).each([
    ["root", "sandbox", ["env"]],
    ["root", "root", ["env"]],
    ["an ordinary user", "sandbox", ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]],
  ])(
    "can't be reached, whatever has them and whenever they came, called by %s for user %s",
    async (_, user, drop) => {
      const host = await hostDirectory();
      chmodSync(host, 0o777);
      writeFileSync(join(host, "service.mjs"), SERVICE);
      writeFileSync(join(host, "program.mjs"), PROGRAM.replace("LIBRARY", library.index));
      const env = { ...process.env, FORKBOX_STATE_DIR: join(host, "state"), SANDBOX_USER: user };
      const enter = ["--net", "--mount", "sh", "-c", HOST, host, process.execPath, ...drop];
      const { stdout, stderr } = spawnSync("unshare", enter, { encoding: "utf8", env, timeout: 120_000 });
      const said = stdout.replace(/\s+/g, " ");
      expect(said, stderr).toMatch(/all: up done 1 new: up done 1 unwatched: up done 0 1 again: up done 1/);
      expect(spawnSync("cat", [join(host, "seen")], { encoding: "utf8" }).stdout).toBe("start\n");
      expect(spawnSync("ls", [join(host, "came")]).status).toBe(0);
    },
    150_000,
  );
});
