import { mkdtempSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { finished, runCli, runCliOnTerminal, startCli } from "../support/cli.js";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";
import { processesWith, waitForProcesses } from "../support/host-processes.js";
import { hostDirectory, uniqueWord } from "../support/scratch.js";

const engine = await probeLocal();

describe("forkbox exec", () => {
  if ("unavailable" in engine) {
    test("the local engine answers", (context) => {
      if (isRequired("local")) expect.fail(engine.unavailable);
      context.skip(engine.unavailable);
    });
    return;
  }

  const sh = (script: string, ...options: string[]) => runCli(["exec", ...options, "--", "sh", "-c", script]);

  test.each([0, 1, 5, 127, 137, 255])("its exit code is the command's: %i", async (code) => {
    expect((await sh(`exit ${code}`)).exitCode).toBe(code);
  });

  test("stdout and stderr arrive apart and untouched in pipes", async () => {
    const { stdout, stderr } = await sh("printf '\\033[1mout'; printf err >&2");
    expect({ stdout, stderr }).toEqual({ stdout: "\u001b[1mout", stderr: "err" });
  });

  test("flags after the program are the program's, with or without --", async () => {
    expect((await runCli(["exec", "echo", "--json", "-h"])).stdout).toBe("--json -h\n");
    expect((await runCli(["exec", "--", "echo", "--json", "--"])).stdout).toBe("--json --\n");
  });

  test("what is piped in is the command's input, to its end", async () => {
    const { stdout } = await runCli(["exec", "--", "wc", "-c"], { input: "x".repeat(300_000) });
    expect(stdout.trim()).toBe("300000");
  });

  test("input that never ends does not hold up a command that does not read it", async () => {
    const child = startCli(["exec", "--", "echo", "done"], { input: "" });
    expect(await finished(child)).toMatchObject({ exitCode: 0, stdout: "done\n" });
  });

  test("--import copies in, --export copies out, also after a failure", async () => {
    const host = await hostDirectory();
    await mkdir(join(host, "app"));
    await writeFile(join(host, "app", "in.txt"), "from host");
    const { exitCode, stdout } = await sh(
      "cat in.txt /srv/in.txt; mkdir out; echo made > out/made.txt; exit 3",
      ...["--import", join(host, "app"), "--import", `${join(host, "app")}:/srv`],
      ...["--export", `out:${join(host, "out")}`],
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: "from hostfrom host" });
    expect(await readFile(join(host, "out", "made.txt"), "utf8")).toBe("made\n");
    expect(await readdir(join(host, "app"))).toEqual(["in.txt"]);
  });

  test("a host directory that is missing is 125, and says which", async () => {
    const { exitCode, stderr } = await runCli(["exec", "--import", "/does/not/exist", "--", "true"]);
    expect(exitCode).toBe(125);
    expect(stderr).toMatch(/^forkbox: .*\/does\/not\/exist/);
  });

  test("--timeout ends it with 124, and keeps what it had printed", async () => {
    const { exitCode, stdout, stderr } = await sh("echo partial; sleep 60", "--timeout", "700ms");
    expect({ exitCode, stdout }).toEqual({ exitCode: 124, stdout: "partial\n" });
    expect(stderr).toMatch(/^forkbox: .*700 ms/);
  });

  test("--json is one object, for an end and for a deadline", async () => {
    const ended = await sh("echo out; echo err >&2; exit 5", "--json");
    expect(ended.exitCode).toBe(5);
    expect(JSON.parse(ended.stdout)).toMatchObject({ exitCode: 5, stdout: "out\n", stderr: "err\n" });
    const stopped = await sh("echo partial; sleep 60", "--json", "--timeout", "700ms");
    expect(stopped.exitCode).toBe(124);
    expect(JSON.parse(stopped.stdout)).toMatchObject({ error: { code: "TIMEOUT" }, stdout: "partial\n" });
  });

  test("a secret reaches the command and is in no output", async () => {
    const secret = uniqueWord("canary");
    const env = { API_TOKEN: secret };
    const script = 'test -n "$API_TOKEN" && echo "it is $API_TOKEN"; echo "$API_TOKEN" >&2; exit 1';
    for (const json of [[], ["--json"]]) {
      const run = await runCli(["exec", "--secret", "API_TOKEN", ...json, "--", "sh", "-c", script], { env });
      expect(run.stdout).toContain("it is ");
      expect(run.stdout + run.stderr).not.toContain(secret);
    }
  });

  test("the caller's environment is not there unless --env passes it on", async () => {
    const env = { FORKBOX_TEST_A: "a", FORKBOX_TEST_B: "b" };
    const { stdout } = await runCli(["exec", "--env", "FORKBOX_TEST_A", "--env", "C=c=d", "--", "env"], {
      env,
    });
    expect(stdout).toMatch(/^FORKBOX_TEST_A=a$/m);
    expect(stdout).toMatch(/^C=c=d$/m);
    expect(stdout).not.toContain("FORKBOX_TEST_B");
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "%s stops the command and leaves nothing behind",
    async (signal) => {
      const mark = uniqueWord();
      const stateDirectory = mkdtempSync(join(tmpdir(), "forkbox-test-state-"));
      const child = startCli(
        ["exec", "--", "sh", "-c", `setsid sleep 600 ${mark} & trap "" TERM INT; sleep 600 # ${mark}`],
        {
          env: { FORKBOX_STATE_DIR: stateDirectory },
        },
      );
      const result = finished(child);
      // Forkbox itself, and what the script started.
      await waitForProcesses(mark, 3);
      child.kill(signal);
      expect((await result).exitCode).toBe(130);
      expect(await processesWith(mark)).toEqual([]);
      expect(await readdir(join(stateDirectory, "sessions"))).toEqual([]);
    },
  );

  test("on a terminal, control sequences are taken out of the output", async () => {
    const command = ["exec", "--", "printf", "a\\033[2J\\033]0;pwned\\007b"];
    const { exitCode, stdout } = await runCliOnTerminal(command);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "ab" });
  });

  test("a reader that goes away ends it quietly", async () => {
    const child = startCli(["exec", "--", "yes"]);
    let stderr = "";
    child.stderr?.on("data", (text) => {
      stderr += text;
    });
    child.stdout?.once("data", () => child.stdout?.destroy());
    const [code] = await new Promise<[number | null]>((resolve) =>
      child.once("exit", (...args) => resolve([args[0]])),
    );
    expect({ code, stderr }).toEqual({ code: 141, stderr: "" });
  });
});
