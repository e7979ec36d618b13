import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { finished, forkbox, runCli, startCli } from "../support/cli.js";
import { probeLocal } from "../support/engine-local.js";
import { isRequired } from "../support/engines.js";
import { processesWith } from "../support/host-processes.js";
import { uniqueWord } from "../support/scratch.js";

const engine = await probeLocal();

interface Diagnoses {
  usable: boolean;
  engines: { engine: string; usable: boolean; findings: { ok: boolean; severity: string; fix?: string }[] }[];
}

// Below /proc Node's own way to make directories never ends.
test.each(["/dev/null/forkbox", "/proc/nope/forkbox"])(
  "of a state directory that can't be used (%s), doctor and exec say the same",
  async (directory) => {
    const env = { FORKBOX_STATE_DIR: directory, FORKBOX_ENGINE: "local" };
    const doctor = await runCli(["doctor", "--json"], { env });
    const { usable, engines } = JSON.parse(doctor.stdout) as Diagnoses;
    expect(usable).toBe(engines.some((engine) => engine.usable));
    expect(doctor.exitCode).toBe(usable ? 0 : 1);
    const local = engines.find((engine) => engine.engine === "local");
    const broken = local?.findings.filter(({ ok, severity }) => !ok && severity === "error") ?? [];
    expect(broken.length).toBeGreaterThan(0);
    const exec = await runCli(["exec", "--", "true"], { env });
    expect(exec.exitCode).toBe(3);
    for (const { fix } of broken) {
      expect(fix).toBeTruthy();
      expect(exec.stderr).toContain(fix);
    }
  },
);

test("an engine of a pool that does not answer is named, and exits 3", async () => {
  const { exitCode, stderr } = await runCli(["exec", "--engines", "tcp://127.0.0.1:1", "--", "true"]);
  expect(exitCode).toBe(3);
  expect(stderr).toContain("tcp://127.0.0.1:1");
});

test("a report in a directory that can't be made is an error before anything runs", async () => {
  const { exitCode, stderr } = await runCli(["validate", "--report", "json=/proc/nope/sub/report.json"]);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("/proc/nope") });
});

test("output that can't be written is an error of one line", async () => {
  const [program, ...first] = forkbox;
  const { status, stderr } = spawnSync("sh", ["-c", '"$@" >/dev/full', "sh", program, ...first, "ps"], {
    encoding: "utf8",
    env: { ...process.env, FORKBOX_STATE_DIR: "/dev/null/forkbox" },
  });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^forkbox: .*ENOSPC.*\n$/);
});

describe("looking after the local engine", () => {
  if ("unavailable" in engine) {
    test("the local engine answers", (context) => {
      if (isRequired("local")) expect.fail(engine.unavailable);
      context.skip(engine.unavailable);
    });
    return;
  }
  const freshState = () => ({ FORKBOX_STATE_DIR: mkdtempSync(join(tmpdir(), "forkbox-test-state-")) });

  test("doctor says that an engine is usable, for people and for programs", async () => {
    const people = await runCli(["doctor"]);
    expect(people).toMatchObject({ exitCode: 0, stderr: "" });
    expect(people.stdout).toMatch(/^local {2}usable\n {2}✔ /);
    const programs = await runCli(["doctor", "--json"]);
    const { usable, engines } = JSON.parse(programs.stdout) as Diagnoses;
    expect(usable).toBe(true);
    expect(engines).toContainEqual(expect.objectContaining({ engine: "local", usable: true }));
  });

  test("ps shows a process with its sandboxes, what it left when it was killed, and prune removes that", async () => {
    const env = freshState();
    expect(await runCli(["ps"], { env })).toMatchObject({ exitCode: 0, stdout: "No sandboxes.\n" });
    const mark = uniqueWord();
    const child = startCli(["exec", "--", "sh", "-c", `sleep 600 # ${mark}`], { env });
    const ended = finished(child);
    const list = async () => JSON.parse((await runCli(["ps", "--json"], { env })).stdout) as object[];
    await expect
      .poll(list, { timeout: 20_000 })
      .toMatchObject([{ engine: "local", pid: child.pid, live: true, running: 1 }]);
    expect((await runCli(["prune"], { env })).stdout).toBe("Nothing to remove.\n");

    const holders = (await processesWith(env.FORKBOX_STATE_DIR)).filter(({ pid }) => pid !== child.pid);
    child.kill("SIGKILL");
    await ended;
    // Its holder would clean up; only what is left when that dies too is prune's.
    for (const { pid } of holders) killIfThere(pid);
    await expect.poll(list, { timeout: 20_000 }).toMatchObject([{ live: false }]);
    expect((await runCli(["ps"], { env })).stdout).toContain(
      'Reclaim what dead ones left with "forkbox prune".',
    );
    expect((await runCli(["prune"], { env })).stdout).toMatch(
      /^Removed what 1 dead process left: .* freed\.\n$/,
    );
    expect((await runCli(["ps"], { env })).stdout).toBe("No sandboxes.\n");
    expect(await processesWith(mark)).toEqual([]);
  });
});

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // ended by itself
  }
}
