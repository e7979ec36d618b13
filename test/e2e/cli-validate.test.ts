import { mkdtempSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Report } from "../../src/validation/types.js";
import { finished, runCli, runCliOnTerminal, startCli, startCliOnTerminal } from "../support/cli.js";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";
import { processesWith, waitForProcesses } from "../support/host-processes.js";
import { hostDirectory, uniqueWord } from "../support/scratch.js";

const engine = await probeLocal();

/** A directory with projects in it, each no more than its config. */
async function projects(configs: Record<string, object>): Promise<string> {
  const directory = await hostDirectory();
  for (const [name, config] of Object.entries(configs)) {
    await mkdir(join(directory, name));
    await writeFile(join(directory, name, "forkbox.yaml"), JSON.stringify(config));
  }
  return directory;
}

const passing = { build: "echo built", checks: { one: "true", two: "echo fine" } };
const failing = {
  checks: { good: "true", bad: "seq 30; echo oops >&2; exit 3", after: { run: "true", needs: ["bad"] } },
};
const cursor = { hide: "\u001b[?25l", show: "\u001b[?25h" };

describe("forkbox validate", () => {
  if ("unavailable" in engine) {
    test("the local engine answers", (context) => {
      if (isRequired("local")) expect.fail(engine.unavailable);
      context.skip(engine.unavailable);
    });
    return;
  }

  test("all checks passed: a line each, exit 0", async () => {
    const cwd = await projects({ app: passing });
    const { exitCode, stdout, stderr } = await runCli(["validate", "app"], { cwd });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^· build: started {2}echo built$/m);
    expect(stdout).toMatch(/^✔ two: passed in \d+\.\ds$/m);
    expect(stdout).toMatch(/^passed: 2 of 2 checks passed in .* on the local engine\n$/m);
  });

  test("a check that fails: which, why, its last lines and the report's place, exit 1", async () => {
    const cwd = await projects({ app: failing });
    const { exitCode, stdout } = await runCli(["validate", "app", "--report", "junit=out/j.xml"], { cwd });
    expect(exitCode).toBe(1);
    expect(stdout).toContain("✖ bad: exit code 3\n  $ seq 30; echo oops >&2; exit 3\n");
    expect(stdout).toContain("  │ 30\n  │ oops\n");
    expect(stdout).toMatch(/– after {2,}needs bad, which failed/);
    expect(stdout).toContain("report     out/j.xml\n");
    expect(await readFile(join(cwd, "out", "j.xml"), "utf8")).toContain("<testsuites");
  });

  test("--json: stdout is the report alone, progress goes to stderr", async () => {
    const cwd = await projects({ app: failing });
    const { exitCode, stdout, stderr } = await runCli(["validate", "app", "--json"], { cwd });
    const report = JSON.parse(stdout) as Report;
    expect(exitCode).toBe(1);
    expect(report).toMatchObject({ version: 1, passed: false, exitCode: 1 });
    expect(stderr).toContain("✖ bad: exit code 3");
  });

  test("--quiet says nothing of a pass, and of a failure what failed", async () => {
    const cwd = await projects({ good: passing, bad: failing });
    expect(await runCli(["validate", "good", "--quiet"], { cwd })).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "",
    });
    const { exitCode, stdout } = await runCli(["validate", "bad", "--quiet"], { cwd });
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^✖ bad: exit code 3\n/);
  });

  test("--verbose has every line under its step's name", async () => {
    const cwd = await projects({ app: passing });
    const { stdout } = await runCli(["validate", "app", "--verbose"], { cwd });
    expect(stdout).toMatch(/^build │ built$/m);
    expect(stdout).toMatch(/^two │ fine$/m);
  });

  test("of several candidates all must pass, with --any one", async () => {
    const cwd = await projects({ a: passing, b: failing });
    const all = await runCli(["validate", "a", "b"], { cwd });
    expect(all.exitCode).toBe(1);
    expect(all.stdout).toMatch(/^failed: 1 of 2 candidates, 3 of 5 checks passed/m);
    expect((await runCli(["validate", "a", "b", "--any"], { cwd })).exitCode).toBe(0);
  });

  test("a config that grants itself something, an unknown key and nothing to check exit 2", async () => {
    const cwd = await projects({
      greedy: { checks: { a: { run: "true", secrets: ["API_TOKEN"] } } },
      mistyped: { chekcs: { a: "true" } },
    });
    await mkdir(join(cwd, "empty"));
    for (const [name, said] of [
      ["greedy", /--secret/],
      ["mistyped", /checks/],
      ["empty", /nothing to check/],
      ["missing", /no such directory/],
    ] as const) {
      const { exitCode, stdout, stderr } = await runCli(["validate", name], { cwd });
      expect({ exitCode, stdout }, name).toEqual({ exitCode: 2, stdout: "" });
      expect(stderr).toMatch(/^forkbox: /);
      expect(stderr).toMatch(said);
      expect(stderr).not.toMatch(/^\s+at /m);
    }
  });

  test("--print-config prints a config that --config takes", async () => {
    const cwd = await hostDirectory();
    await mkdir(join(cwd, "app"));
    await writeFile(join(cwd, "app", "package.json"), JSON.stringify({ scripts: { test: "echo tested" } }));
    const printed = await runCli(["validate", "app", "--print-config"], { cwd });
    expect(printed).toMatchObject({ exitCode: 0, stderr: "" });
    await writeFile(join(cwd, "checks.yaml"), printed.stdout);
    const { exitCode, stdout } = await runCli(["validate", "app", "--config", "checks.yaml", "--verbose"], {
      cwd,
    });
    expect({ exitCode, stdout }).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^test │ tested$/m),
    });
  });

  test("a secret reaches the checks and is nowhere in what is printed or written", async () => {
    const secret = uniqueWord("canary");
    const run = 'echo "it is $API_TOKEN"; test -n "$API_TOKEN"; echo "$API_TOKEN" | base64 >&2; exit 1';
    const cwd = await projects({ app: { checks: { leak: run } } });
    const args = ["validate", "app", "--secret", "API_TOKEN", "--verbose", "--report", "json=out/r.json"];
    const { stdout, stderr } = await runCli(args, { cwd, env: { API_TOKEN: secret } });
    expect(stdout).toMatch(/^leak │ it is (?!$)/m);
    for (const text of [stdout, stderr, await readFile(join(cwd, "out", "r.json"), "utf8")]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret).toString("base64").slice(0, 12));
    }
  });

  test("SIGINT cancels what runs, still reports, and leaves nothing behind", async () => {
    const mark = uniqueWord();
    const state = mkdtempSync(join(tmpdir(), "forkbox-test-state-"));
    const cwd = await projects({
      app: { checks: { quick: "true", stuck: `trap "" INT TERM; sleep 600 # ${mark}` } },
    });
    const child = startCli(["validate", "app", "--json"], { cwd, env: { FORKBOX_STATE_DIR: state } });
    const result = finished(child);
    await waitForProcesses(mark);
    child.kill("SIGINT");
    const { exitCode, stdout } = await result;
    const report = JSON.parse(stdout) as Report;
    expect(exitCode).toBe(130);
    expect(report).toMatchObject({ interrupted: true, exitCode: 130 });
    expect(report.candidates[0]?.checks).toContainEqual(
      expect.objectContaining({ name: "stuck", verdict: "cancelled" }),
    );
    expect(await processesWith(mark)).toEqual([]);
    expect(await readdir(join(state, "sessions"))).toEqual([]);
  });

  test("a reader that goes away stops it quietly, and leaves nothing behind", async () => {
    const mark = uniqueWord();
    const cwd = await projects({
      app: { checks: { talks: `while sleep 0.1; do echo more; done # ${mark}` } },
    });
    const child = startCli(["validate", "app", "--verbose"], { cwd });
    let stderr = "";
    child.stderr?.on("data", (text) => {
      stderr += text;
    });
    await waitForProcesses(mark);
    child.stdout?.destroy();
    const code = await new Promise((resolve) => child.once("exit", resolve));
    expect({ code, stderr }).toEqual({ code: 141, stderr: "" });
    expect(await processesWith(mark)).toEqual([]);
  });

  test("on a terminal it draws a tree, and gives the cursor back at the end", async () => {
    const cwd = await projects({ app: { checks: { one: "sleep 0.5" } } });
    const { exitCode, stdout } = await runCliOnTerminal(["validate", "app"], { cwd });
    expect(exitCode).toBe(0);
    expect(stdout).toContain("checks: app/forkbox.yaml");
    expect(stdout.split(cursor.hide).length).toBe(2);
    expect(stdout.lastIndexOf(cursor.show)).toBeGreaterThan(stdout.indexOf(cursor.hide));
    expect(stdout).toContain("1 of 1 check passed");
  });

  test("Ctrl-C on a terminal gives the cursor back, and exits 130", async () => {
    const mark = uniqueWord();
    const cwd = await projects({ app: { checks: { stuck: `sleep 600 # ${mark}` } } });
    const child = startCliOnTerminal(["validate", "app"], { cwd });
    const result = finished(child);
    await waitForProcesses(mark);
    child.stdin?.write("\u0003");
    const { exitCode, stdout } = await result;
    expect(exitCode).toBe(130);
    expect(stdout.lastIndexOf(cursor.show)).toBeGreaterThan(stdout.lastIndexOf(cursor.hide));
    expect(stdout).toContain("interrupted");
    expect(await processesWith(mark)).toEqual([]);
  });

  test.each([{ TERM: "dumb" }, { CI: "true" }])("with %o a terminal gets plain lines", async (env) => {
    const cwd = await projects({ app: passing });
    const { stdout } = await runCliOnTerminal(["validate", "app"], { cwd, env });
    expect(stdout).not.toContain(cursor.hide);
    expect(stdout).toMatch(/two: passed in/);
  });

  test("NO_COLOR takes colours from a terminal, FORCE_COLOR brings them to a pipe", async () => {
    const cwd = await projects({ app: passing });
    const none = await runCliOnTerminal(["validate", "app"], { cwd, env: { NO_COLOR: "1" } });
    expect(none.stdout).not.toContain("\u001b[32m");
    const forced = await runCli(["validate", "app"], { cwd, env: { FORCE_COLOR: "1" } });
    expect(forced.stdout).toContain("\u001b[32m");
  });

  test("a hostile check can't control the terminal by its name, command or output", async () => {
    const run = "printf '\\033]0;pwned\\007\\033[2J\\033[?1049hboo\\n'; sleep 0.3; exit 1";
    const cwd = await projects({ app: { checks: { bad: run } } });
    for (const more of [[], ["--verbose"]]) {
      const { stdout } = await runCliOnTerminal(["validate", "app", ...more], { cwd });
      expect(stdout).toContain("boo");
      for (const sequence of ["\u001b]0;", "\u001b[2J", "\u001b[?1049h"])
        expect(stdout).not.toContain(sequence);
    }
  });
});
