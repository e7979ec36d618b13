import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
import type { SandboxError } from "../../src/errors.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { describeLocal } from "../local/base-sandbox.js";
import { expectCode } from "../support/errors.js";
import { hostDirectory } from "../support/scratch.js";

describeLocal("between the end of a holder and the next operation", () => {
  test("nobody takes the session for a dead one: its files stay", async () => {
    const stateDirectory = join(await hostDirectory(), "state");
    await using engine = local({ stateDirectory });
    await using sandbox = await Sandbox.create({ engine, network: "off" });
    await sandbox.writeFile("file", "x");
    killHolder(stateDirectory);
    await sleep(100);
    {
      await using other = local({ stateDirectory });
      await using neighbour = await Sandbox.create({ engine: other, network: "off" });
      await neighbour.exec("true");
    }
    expect(await sandbox.readTextFile("file")).toBe("x");
    expect((await sandbox.exec("cat file")).stdout).toBe("x");
  });

  test("a command whose line was on its way is lost at once, however long it is", async () => {
    const stateDirectory = join(await hostDirectory(), "state");
    await using engine = local({ stateDirectory });
    await using sandbox = await Sandbox.create({ engine, network: "off" });
    await sandbox.exec("true");
    const long = Array.from({ length: 15 }, () => "x".repeat(100_000));
    const lost = expectCode(sandbox.exec(["true", ...long]), "ENGINE_LOST");
    await sleep(50);
    killHolder(stateDirectory);
    await lost;
    expect((await sandbox.exec(["sh", "-c", "echo $#", "sh", ...long])).stdout).toBe("15\n");
  });

  test("a write that was on its way is whole or not there, and uncovers nothing", async () => {
    const stateDirectory = join(await hostDirectory(), "state");
    await using engine = local({ stateDirectory });
    await using sandbox = await Sandbox.create({ engine, network: "off" });
    await sandbox.exec("mkdir gone; echo deleted > gone/file; echo kept > file");
    // What is written next goes where this has its mark that nothing is there.
    await sandbox.exec("rm -r gone");
    for (const path of ["gone/deep/new", "new", "file"]) {
      const before = (await sandbox.exec("find . | sort")).stdout;
      const write = sandbox.writeFile(path, new Uint8Array(128 << 20)).then(
        () => true,
        (error: SandboxError) => error.code !== "ENGINE_LOST" && error,
      );
      while (temporaries(stateDirectory).length === 0) await sleep(1);
      killHolder(stateDirectory);
      const written = await write;
      expect(temporaries(stateDirectory)).toEqual([]);
      if (written === true) expect((await sandbox.stat(path))?.size).toBe(128 << 20);
      else expect([written, (await sandbox.exec("find . | sort")).stdout]).toEqual([false, before]);
      expect(await sandbox.stat("gone/file")).toBeUndefined();
    }
  });
});

/** What is being written in place of a file, in whatever layer. */
function temporaries(stateDirectory: string): string[] {
  const sessions = join(stateDirectory, "sessions");
  const [id = ""] = readdirSync(sessions);
  const paths = readdirSync(join(sessions, id, "l"), { recursive: true }) as string[];
  return paths.filter((path) => path.includes("/.forkbox-"));
}

function killHolder(stateDirectory: string): void {
  const sessions = join(stateDirectory, "sessions");
  for (const id of readdirSync(sessions))
    process.kill(Number(readFileSync(join(sessions, id, "holder"), "utf8")), "SIGKILL");
}
