import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findTool } from "../../src/engines/local/tools.js";
import { forkbox } from "../support/cli.js";

const bwrap = findTool("bwrap");

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
        const doctor = JSON.parse(run("doctor", "--json").stdout) as {
          engines: {
            engine: string;
            usable: boolean;
            findings: { ok: boolean; detail: string; fix?: string }[];
          }[];
        };
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
});
