import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { diagnose } from "../../src/engines/local/doctor.js";
import { local } from "../../src/engines/local/index.js";
import { Sandbox } from "../../src/sandbox.js";
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
});
