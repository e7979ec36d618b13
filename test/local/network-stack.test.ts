import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { diagnose } from "../../src/engines/local/doctor/doctor.js";
import { local } from "../../src/engines/local/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { descendants } from "../support/leftovers.js";
import { describeLocal } from "./base-sandbox.js";

describeLocal("the network stack of a sandbox", () => {
  test("runs without capabilities, behind a filter and in a root file system of its own", async (context) => {
    const finding = (await diagnose()).find(({ check }) => check === "network of a sandbox");
    if (!finding?.ok) return context.skip(finding?.detail ?? "no network of a sandbox here");
    await using engine = local();
    await using sandbox = await Sandbox.create({ engine, network: "on" });
    const { stdout } = await sandbox.exec("cat /proc/net/route");
    expect(stdout).toContain("tap0");
    const [stack] = (await descendants(process.pid)).filter(({ commandLine }) =>
      /^slirp4netns /.test(commandLine),
    );
    const status = readFileSync(`/proc/${stack?.pid}/status`, "utf8");
    // What is left, CAP_NET_BIND_SERVICE, is for forwarded ports, of which there are none.
    expect(status).toMatch(/^CapEff:\s*0*400$/m);
    expect(status).toMatch(/^CapBnd:\s*0*400$/m);
    expect(status).toMatch(/^NoNewPrivs:\s*1$/m);
    expect(status).toMatch(/^Seccomp:\s*2$/m);
    expect(readdirSync(`/proc/${stack?.pid}/root`).sort()).toEqual(["etc", "run"]);
  });

  test("leads a loopback port of the caller's proxy to that proxy, both ways, until either side ends", async () => {
    const proxy = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (text) => (String(text) === "end" ? socket.end("bye") : socket.write(`${text}!`)));
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const { port } = proxy.address() as AddressInfo;
    const before = process.env.HTTP_PROXY;
    process.env.HTTP_PROXY = `http://127.0.0.1:${port}`;
    onTestFinished(() => {
      proxy.close();
      if (before === undefined) delete process.env.HTTP_PROXY;
      else process.env.HTTP_PROXY = before;
    });
    await using engine = local();
    if ((await engine.capabilities()).network.on !== true) return;
    await using sandbox = await Sandbox.create({ engine, network: "on" });
    const { stdout, stderr } = await sandbox.exec(["node", "-e", TALK]);
    expect({ stdout, stderr }).toEqual({ stdout: "hello!\nbye\nclosed\n", stderr: "" });
  });
});

const TALK = `
  const socket = require("node:net").connect(Number(new URL(process.env.HTTP_PROXY).port), "127.0.0.1");
  const say = ["end"];
  socket.on("data", (text) => { console.log(String(text)); if (say.length > 0) socket.write(say.pop()); });
  socket.on("close", () => console.log("closed"));
  socket.write("hello");
`;
