import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { local } from "../../src/engines/local/index.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { hostDirectory } from "../support/scratch.js";
import { describeLocal } from "./base-sandbox.js";

describeLocal("the host base's own files", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test("are made once for all engines of a state directory, and anew when the host's have changed", async () => {
    const host = await hostDirectory();
    const certificate = join(host, "ca.crt");
    const stateDirectory = join(host, "state");
    const bases = () => readdirSync(join(stateDirectory, "bases")).length;
    vi.stubEnv("NODE_EXTRA_CA_CERTS", certificate);

    writeFileSync(certificate, "first\n");
    expect(await certificateIn(stateDirectory)).toBe("first\n");
    expect(await certificateIn(stateDirectory)).toBe("first\n");
    expect(bases()).toBe(1);

    writeFileSync(certificate, "other\n");
    expect(await certificateIn(stateDirectory)).toBe("other\n");
    expect(bases()).toBe(2);
  });

  test("stay as they are whatever a sandbox's root does to its own", async () => {
    const stateDirectory = join(await hostDirectory(), "state");
    const hosts = async (command: string) => {
      await using engine = local({ stateDirectory });
      await using sandbox = await Sandbox.create({ engine, network: "off", user: "root" });
      return (await sandbox.exec(`${command}; cat /etc/hosts; ls /var`)).stdout;
    };
    const before = await hosts("true");
    expect(await hosts("echo 127.0.0.1 other >/etc/hosts; rmdir /var/tmp")).toBe("127.0.0.1 other\n");
    expect(await hosts("true")).toBe(before);
  });
});

async function certificateIn(stateDirectory: string): Promise<string> {
  await using engine = local({ stateDirectory });
  await using sandbox = await Sandbox.create({ engine, network: "off" });
  return (await sandbox.exec('cat "$NODE_EXTRA_CA_CERTS"')).stdout;
}
