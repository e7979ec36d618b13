import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { local } from "../../src/engines/local/index.js";
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

  test("a write that was cut short leaves nothing of itself behind, and uncovers nothing", async () => {
    const stateDirectory = join(await hostDirectory(), "state");
    await using engine = local({ stateDirectory });
    await using sandbox = await Sandbox.create({ engine, network: "off" });
    await sandbox.exec("mkdir gone; echo deleted > gone/file; echo kept > file");
    // What is written next goes where this has its mark that nothing is there.
    const before = (await sandbox.exec("rm -r gone; find . | sort")).stdout;
    for (const path of ["gone/deep/new", "new", "file"]) {
      const lost = expectCode(sandbox.writeFile(path, new Uint8Array(128 << 20)), "ENGINE_LOST");
      while (temporaries(stateDirectory).length === 0) await sleep(1);
      killHolder(stateDirectory);
      await lost;
      expect(temporaries(stateDirectory)).toEqual([]);
      expect((await sandbox.exec("find . | sort; cat file")).stdout).toBe(`${before}kept\n`);
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
