import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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

  const closed = (owner: number) =>
    `mkdir "$0/dev" && mount -t tmpfs -o mode=755 tmpfs "$0/dev" && mknod -m 600 "$0/dev/tun" c 10 200 && chown ${owner} "$0/dev/tun" && mount --bind "$0/dev/tun" /dev/net/tun && exec "$@"`;

  test.skipIf(slirp === undefined || !existsSync("/dev/net/tun")).each([
    { who: "an ordinary user", uid: 54321, owner: 0, words: "/dev/net/tun can't be opened (EACCES" },
    {
      who: "root, in its namespaces",
      uid: 0,
      owner: 65_000,
      words: "/dev/net/tun can't be used by sandboxes",
    },
  ])(
    "whose /dev/net/tun $who can't open doctor and create say so, and validate before setup starts",
    ({ uid, owner, words }) => {
      const scratch = mkdtempSync(join(tmpdir(), "forkbox-test-doctor-"));
      mkdirSync(join(scratch, "project"));
      for (const path of [scratch, join(scratch, "project")]) chownSync(path, uid, uid);
      writeFileSync(join(scratch, "project/forkbox.yaml"), "setup: echo began\nchecks: { a: 'true' }\n");
      const run = (...args: string[]) => {
        const drop = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
        const all = ["unshare", "--mount", "sh", "-c", closed(owner), scratch, ...drop];
        const both = ["sh", "-c", 'exec "$@" 2>&1', "sh", ...forkbox, ...args];
        const env = { PATH: process.env.PATH, HOME: scratch, TMPDIR: scratch, FORKBOX_ENGINE: "local" };
        const { stdout, status } = spawnSync(all[0] as string, [...all.slice(1), ...both], {
          ...{ encoding: "utf8" as const, cwd: join(scratch, "project"), env },
        });
        rmSync(join(scratch, "dev"), { recursive: true, force: true });
        return { stdout, status };
      };
      try {
        const { engines } = JSON.parse(run("doctor", "--json").stdout) as Doctor;
        const findings = engines.find(({ engine }) => engine === "local")?.findings ?? [];
        const detail = findings.find((finding) => finding.detail.includes("/dev/net/tun"))?.detail as string;
        expect(detail).toContain(words);
        const create = run("exec", "--", "true");
        expect(create).toEqual({ status: 2, stdout: expect.stringContaining(detail) });
        const { stdout, status } = run("validate", "--verbose");
        expect(status, stdout).toBe(0);
        const [before = "", after = ""] = stdout.split(/setup: started/);
        expect(before).toContain(
          `setup runs with network off: the engine local can't have it on here: ${detail}`,
        );
        expect(after).toContain("began");
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    },
  );
});
