import { describe, expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode, expectRefused } from "../support/errors.js";
import { createWhereSupported, prepare } from "../support/prepared.js";

/** What a network mode means; what can't be reached from inside is in test/isolation. */
export function describeNetwork(engine: EngineUnderTest): void {
  const supported = engine.capabilities.network;

  describe("network", () => {
    const prepared = prepare(engine);
    const interfaces = "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '";

    test("off has a loopback and nothing else", async () => {
      const sandbox = await createWhereSupported(engine, supported.off, { network: "off" });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      expect((await sandbox.exec(interfaces)).stdout).toBe("lo\n");
      expect((await sandbox.exec("tail -n +2 /proc/net/route; echo end")).stdout).toBe("end\n");
    });

    test("on has a route to elsewhere", async () => {
      const sandbox = await createWhereSupported(engine, supported.on, { network: "on" });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      expect((await sandbox.exec(interfaces)).stdout).not.toBe("lo\n");
      expect((await sandbox.exec("cut -f2 /proc/net/route")).stdout).toContain("00000000");
      expect((await sandbox.exec("grep -c nameserver /etc/resolv.conf")).stdout.trim()).not.toBe("0");
    });

    test("host is given only where it is asked for and can be had", async () => {
      const sandbox = await createWhereSupported(engine, supported.host, { network: "host" });
      if (sandbox === undefined) return;
      await using _closing = sandbox;
      expect((await sandbox.exec(interfaces)).stdout.split("\n")).toContain("lo");
    });

    test("one command can have another network than its sandbox", async () => {
      const sandbox = await prepared.fork();
      if (supported.off !== true) {
        await expectCode(sandbox.exec("true", { network: "off" }), "UNSUPPORTED");
        return;
      }
      expect((await sandbox.exec(interfaces, { network: "off" })).stdout).toBe("lo\n");
      expect((await sandbox.exec(interfaces)).stdout).not.toBe("lo\n");
    });

    test("an unknown mode is INVALID_ARGUMENT", async () => {
      const network = "open" as "on";
      await expectRefused(() => Sandbox.create({ ...engine.options, network }), "INVALID_ARGUMENT");
      const sandbox = await prepared.fork();
      await expectRefused(() => sandbox.exec("true", { network }), "INVALID_ARGUMENT");
    });
  });
}
