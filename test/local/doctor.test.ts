import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findTool } from "../../src/engines/local/doctor/tools.js";
import { forkbox } from "../support/cli.js";

const bwrap = findTool("bwrap");
const slirp = findTool("slirp4netns");

interface Doctor {
  engines: { engine: string; usable: boolean; findings: { ok: boolean; detail: string; fix?: string }[] }[];
}

/** Machines that lack something, made of this one in a namespace of their own; that needs root. */
describe.runIf(process.getuid?.() === 0 && bwrap !== undefined)("on a machine", () => {
  test.each([
    {
      what: "without bubblewrap",
      enter: ["unshare", "--mount", "sh", "-c", `mount --bind /dev/null ${bwrap}; exec "$@"`, "sh"],
      words: /bwrap not found in/,
      fix: /install|apk add|pacman/,
    },
    {
      what: "with user namespaces off",
      enter: [
        ...["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"],
        ...['echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"', "sh"],
      ],
      words: /turned off: \/proc\/sys\/user\/max_user_namespaces is 0/,
      fix: /sysctl -w user\.max_user_namespaces=/,
    },
    {
      what: "with its state on a file system that can't hold an upper layer",
      enter: [
        ...["unshare", "--mount", "sh", "-c"],
        ...[
          'mkdir -p "$0/l" "$0/u" "$0/w" "$0/state" && mount -t overlay -o "lowerdir=$0/l,upperdir=$0/u,workdir=$0/w" o "$0/state" && exec "$@"',
        ],
      ],
      words: /can't hold an upper layer/,
      fix: /set FORKBOX_STATE_DIR to/,
    },
  ])(
    "$what doctor says so and how to fix it, and create fails with the same words",
    ({ enter, words, fix }) => {
      const scratch = mkdtempSync(join(tmpdir(), "forkbox-test-doctor-"));
      const [program, ...before] = enter.at(-1) === "sh" ? enter : [...enter, scratch];
      const run = (...args: string[]) =>
        spawnSync(program as string, [...before, ...forkbox, ...args], {
          encoding: "utf8",
          env: {
            ...process.env,
            FORKBOX_STATE_DIR: join(scratch, "state"),
            FORKBOX_ENGINE: "local",
            COLUMNS: "1000",
          },
        });
      try {
        const doctor = JSON.parse(run("doctor", "--json").stdout) as Doctor;
        const local = doctor.engines.find(({ engine }) => engine === "local");
        expect(local?.usable).toBe(false);
        const finding = local?.findings.find(({ ok }) => !ok);
        expect(finding?.detail).toMatch(words);
        expect(finding?.fix).toMatch(fix);
        const create = run("exec", "--", "true");
        expect(create.status).toBe(3);
        expect(create.stderr).toMatch(words);
        expect(create.stderr).toMatch(fix);
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    },
  );

  test.skipIf(slirp === undefined)(
    "whose container refuses slirp4netns a root file system of its own doctor warns, and sandboxes have a network all the same",
    () => {
      const scratch = mkdtempSync(join(tmpdir(), "forkbox-test-doctor-"));
      const refusing = `case " $* " in *" --enable-sandbox "*) echo create_sandbox failed >&2; exit 1 ;; esac; exec ${scratch}/real "$@"`;
      writeFileSync(join(scratch, "refusing"), `#!/bin/sh\n${refusing}\n`, { mode: 0o755 });
      const enter = `touch ${scratch}/real && mount --bind ${slirp} ${scratch}/real && mount --bind ${scratch}/refusing ${slirp} && exec "$@"`;
      const run = (...args: string[]) =>
        spawnSync("unshare", ["--mount", "sh", "-c", enter, "sh", ...forkbox, ...args], {
          encoding: "utf8",
          env: { ...process.env, FORKBOX_STATE_DIR: join(scratch, "state"), FORKBOX_ENGINE: "local" },
        });
      try {
        const { engines } = JSON.parse(run("doctor", "--json").stdout) as Doctor;
        const local = engines.find(({ engine }) => engine === "local");
        expect(local?.usable).toBe(true);
        expect(local?.findings.find(({ ok }) => !ok)?.detail).toMatch(/works, but without --enable-sandbox:/);
        const { stdout, status } = run("exec", "--network", "on", "--", "cat", "/proc/net/route");
        expect([status, stdout]).toEqual([0, expect.stringContaining("tap0")]);
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    },
  );
});
