import { mkdtempSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import type { Report } from "../../src/validation/types.js";
import { finished, startCli } from "../support/cli.js";
import { type HostProcess, processesWith, waitForArguments } from "../support/host-processes.js";
import { fill, hostDirectory, hostTree, uniqueNumber } from "../support/scratch.js";
import { describeValidation, validated } from "../support/validating.js";

const FILES = 30_000;
const MAKE_MANY = `mkdir many; cd many; seq ${FILES} | xargs touch`;

/** Runs the command line, and presses Ctrl-C once `moment` is there. */
async function interruptedAt(args: string[], cwd: string, moment: (state: string) => Promise<boolean>) {
  const state = mkdtempSync(join(tmpdir(), "forkbox-test-state-"));
  const child = startCli(args, { cwd, env: { FORKBOX_STATE_DIR: state } });
  let ended = false;
  const result = finished(child).finally(() => {
    ended = true;
  });
  while (!ended && !(await moment(state))) await sleep(5);
  expect(ended).toBe(false);
  child.kill("SIGINT");
  const { exitCode, stdout } = await result;
  return { exitCode, stdout, sessions: await readdir(join(state, "sessions")) };
}

const names = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);

await describeValidation("Ctrl-C", () => {
  let project: string;
  beforeAll(async () => {
    project = mkdtempSync(join(tmpdir(), "forkbox-test-many-"));
    await mkdir(join(project, "many"));
    for (let at = 0; at < FILES; at++) await writeFile(join(project, "many", `${at}`), "");
    await fill(project, { "forkbox.yaml": JSON.stringify({ checks: { a: "true" } }) });
  }, 60_000);

  test("during an import of many files ends it, with nothing left", async () => {
    const importing = async (state: string) => {
      const [session] = await names(join(state, "sessions"));
      return session !== undefined && (await names(join(state, "sessions", session, "l"))).length > 0;
    };
    const cwd = await hostDirectory();
    const { exitCode, stdout, sessions } = await interruptedAt(
      ["validate", project, "--json"],
      cwd,
      importing,
    );
    const report = JSON.parse(stdout) as Report;
    expect({ exitCode, sessions }).toEqual({ exitCode: 130, sessions: [] });
    expect(report.candidates[0]?.checks[0]).toMatchObject({ verdict: "cancelled" });
    expect(await hostTree(cwd)).toEqual([]);
  });

  test("during an export of many files leaves none of them", async () => {
    const cwd = await hostDirectory();
    const exporting = async () => (await names(cwd)).length > 0;
    const args = ["exec", "--export", "many:out", "--", "sh", "-c", MAKE_MANY];
    const { exitCode, sessions } = await interruptedAt(args, cwd, exporting);
    expect({ exitCode, sessions, left: await hostTree(cwd) }).toEqual({
      exitCode: 130,
      sessions: [],
      left: [],
    });
  });

  test("during the export of artifacts leaves none of them", async () => {
    const cwd = await hostDirectory();
    const many = { run: ["sleep 1", MAKE_MANY], artifacts: ["many"] }; // the other is found by then
    const config = { checks: { many, next: { run: "true", needs: ["many"] } } };
    await fill(cwd, { "app/forkbox.yaml": JSON.stringify(config) });
    const exporting = async () => (await names(cwd)).length > 1;
    const args = ["validate", "app", "--json", "--out", "out"];
    const { exitCode, stdout, sessions } = await interruptedAt(args, cwd, exporting);
    const report = JSON.parse(stdout) as Report;
    expect({ exitCode, sessions }).toEqual({ exitCode: 130, sessions: [] });
    expect(report.candidates[0]?.checks.map(({ verdict }) => verdict)).toEqual(["cancelled", "cancelled"]);
    expect(await names(cwd)).toEqual(["app"]);
  });
});

await describeValidation("fail-fast", () => {
  test("ends the export of another check's artifacts, of which none lands", async () => {
    const cwd = await hostDirectory();
    await fill(cwd, { "app/a": "" });
    const out = join(cwd, "out");
    const seconds = uniqueNumber();
    const many = { run: ["sleep 1", MAKE_MANY], artifacts: ["many"] }; // the other is found by then
    const config = { checks: { many, bad: `sleep ${seconds}` } };
    const running = validated({ directories: [join(cwd, "app")], config, out, failFast: true });
    await waitForArguments([seconds]);
    const [bad] = (await processesWith(seconds)).filter(
      ({ commandLine }) => commandLine === `sleep ${seconds}`,
    );
    while ((await names(cwd)).length === 1) await sleep(2);
    process.kill((bad as HostProcess).pid, "SIGKILL");
    const { report, verdicts, check } = await running;
    expect(verdicts).toEqual({ many: "cancelled", bad: "failed" });
    expect(check("many").reason).toBe("fail-fast: bad did not pass");
    expect(report.exitCode).toBe(1);
    // Of what the killed one printed there may be a log.
    const files = (await hostTree(cwd)).filter((path) => !path.endsWith("/"));
    expect(files.filter((path) => path !== "out/app/bad/output.log")).toEqual(["app/a"]);
  });
});
