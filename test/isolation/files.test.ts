import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attempt, expectDenied } from "../support/attempt.js";
import { type Canary, hostSecrets, plantCanaries } from "../support/canaries.js";
import { describeWalls } from "../support/local-walls.js";
import { uniqueWord } from "../support/scratch.js";

await describeWalls("files of the host", ({ sandbox }) => {
  let canaries: Canary[];
  let remove: () => void;
  beforeAll(() => {
    ({ canaries, remove } = plantCanaries());
  });
  afterAll(() => remove?.());

  const shown = (output: string) =>
    [...canaries, ...hostSecrets()].filter(({ value }) => output.includes(value));

  test("a canary in every place is on the host and can't be read in a sandbox", async () => {
    expect(canaries.length).toBeGreaterThan(2);
    await sandbox().writeFile("/workspace/control", "control value");
    expect((await attempt(sandbox(), "cat /workspace/control")).output).toBe("control value");
    for (const { path, value } of canaries) {
      expect(["there", "not this user's to see"]).toContain(contentOf(path, value));
      const { output } = await expectDenied(sandbox(), `cat ${path}`);
      expect(shown(output)).toEqual([]);
    }
  });

  test("shadow files and private keys of the host can't be read", async () => {
    for (const path of [
      "/etc/shadow",
      "/etc/gshadow",
      "/etc/sudoers",
      "/etc/ssl/private/ssl-cert-snakeoil.key",
    ]) {
      await expectDenied(sandbox(), `cat ${path}`);
    }
    for (const pattern of [
      "/etc/ssh/*_key",
      "/etc/ssl/private/*",
      "/root/.ssh/*",
      "/root/.npmrc",
      "/home/*/.ssh/*",
    ]) {
      await expectDenied(sandbox(), `cat ${pattern}`);
    }
  });

  test("no canary is anywhere in the tree, by whatever way to it", async () => {
    await sandbox().exec("mkdir -p /workspace/here && echo found > /workspace/here/forkbox-canary-control");
    const names = "find / -path /proc -prune -o -name 'forkbox-canary-*' ! -name '*-0600' -print 2>/dev/null";
    expect((await attempt(sandbox(), names)).output).toBe("/workspace/here/forkbox-canary-control\n");
  });

  test("no process's root, cwd or descriptors lead out", async () => {
    const [first] = canaries;
    const ways =
      "for way in /proc/[0-9]*/root /proc/[0-9]*/cwd /proc/[0-9]*/cwd/../../../.. /proc/[0-9]*/fd/*";
    for (const { path } of canaries) {
      const { output } = await attempt(sandbox(), `${ways}; do cat "$way${path}" "$way/../..${path}"; done`);
      expect(output).toContain("/proc/1/");
      expect(shown(output)).toEqual([]);
    }
    expect(first).toBeDefined();
  });

  test("the state directory, where other sandboxes' files are, is not there", async () => {
    const state = process.env.FORKBOX_STATE_DIR as string;
    expect(existsSync(join(state, "sessions"))).toBe(true);
    await expectDenied(sandbox(), `ls ${state}`);
    await using other = await sandbox().fork();
    const word = uniqueWord("forkbox-canary");
    await other.exec(`echo in the other > /workspace/${word}; echo in the other > /tmp/${word}`);
    const { output } = await attempt(sandbox(), `find / -name '${word}' 2>/dev/null`);
    expect(output.trim()).toBe("");
    expect((await attempt(other, `find /tmp /workspace -name '${word}'`)).output).toContain(word);
  });

  test("a link planted in the sandbox does not lead the library out of it", async () => {
    for (const { path, value } of [...canaries, ...hostSecrets()]) {
      await sandbox().exec(
        `rm -f l p d; ln -s ${path} l; ln -s /proc/self/root${path} p; ln -s ../../../../../../../../.. d; exit 0`,
      );
      for (const way of ["l", "p", `d${path}`, path]) {
        const read = await sandbox()
          .readTextFile(way)
          .catch((error: { code: string }) => error.code);
        expect(["NOT_FOUND", "PERMISSION", "UNSUPPORTED", "NOT_A_DIRECTORY"]).toContain(read);
      }
      await sandbox()
        .writeFile("l", "written through")
        .catch(() => undefined);
      expect(["there", "not this user's to see"]).toContain(contentOf(path, value));
    }
    const read = await sandbox()
      .exec("rm -f e; ln -s /proc/self/environ e")
      .then(() => sandbox().readTextFile("e"))
      .catch((error: { code: string }) => error.code);
    expect(read).toMatch(/^[A-Z_]+$/);
  });

  test("nothing of the host can be written", async () => {
    // Root of a sandbox may well break its own: a fork of its own for that.
    await using own = await sandbox().fork();
    const word = uniqueWord("forkbox-written");
    const passwd = readFileSync("/etc/passwd", "utf8");
    const directories = [
      "/",
      "/usr",
      "/usr/bin",
      "/usr/local/bin",
      "/bin",
      "/lib",
      "/opt",
      "/etc",
      "/root",
      "/home",
    ];
    directories.push(
      "/var",
      "/var/tmp",
      "/tmp",
      "/run",
      "/srv",
      "/dev/shm",
      "/dev",
      "/sys",
      dirname(process.execPath),
    );
    for (const directory of directories) {
      await attempt(own, `echo x > ${join(directory, word)}`);
      expect(existsSync(join(directory, word)), directory).toBe(false);
    }
    const harm =
      "echo evil >> /etc/passwd; echo evil > /usr/bin/env; chmod -R 777 /usr/bin; rm -rf /usr/bin /opt /etc /bin /lib";
    await attempt(own, harm);
    expect(existsSync("/bin/sh") && existsSync("/usr/bin/env")).toBe(true);
    expect(readFileSync("/etc/passwd", "utf8")).toBe(passwd);
    expect((await attempt(sandbox(), "echo still works")).output).toBe("still works\n");
  });

  test("a file of the base that is shown read-only is denied, not merely hidden", async () => {
    const { output } = await expectDenied(sandbox(), "echo x > /usr/bin/env");
    expect(output).toMatch(/read-only|permission/i);
    await expectDenied(sandbox(), "touch -a /usr/bin/env && echo x > /usr/bin/forkbox-written");
    await expectDenied(sandbox(), "chmod 777 /usr/bin/env");
    await expectDenied(
      sandbox(),
      "ln /usr/bin/env /workspace/env-hard-link && echo x >> /workspace/env-hard-link",
    );
  });

  test("the devices are the harmless ones", async () => {
    const { output } = await attempt(sandbox(), "ls /dev");
    expect(output).toContain("null");
    const harmless =
      /^(console|core|fd|full|null|ptmx|pts|random|shm|stderr|stdin|stdout|tty|urandom|zero|mqueue)$/;
    for (const name of output.trim().split(/\s+/)) expect(name).toMatch(harmless);
    await expectDenied(sandbox(), "mknod /workspace/disk b 254 0 && head -c 512 /workspace/disk");
    await expectDenied(sandbox(), "mknod /workspace/mem c 1 1 && head -c 512 /workspace/mem");
    await expectDenied(sandbox(), "echo x > /dev/tty");
  });
});

/** Whether a canary is on the host, unharmed. The run as an ordinary user can't look at those of the run as root. */
function contentOf(path: string, value: string): string {
  try {
    return readFileSync(path, "utf8") === value ? "there" : "changed";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "EACCES" && process.getuid?.() !== 0 ? "not this user's to see" : String(code);
  }
}
