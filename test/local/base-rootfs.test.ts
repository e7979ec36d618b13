import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { expectCode } from "../support/errors.js";
import { hostDirectory, hostTree } from "../support/scratch.js";
import { smallSystem } from "./base-images.js";
import { describeLocal, isRoot, open, output, users } from "./base-sandbox.js";

const system = smallSystem();

/** A root file system on the host. */
async function rootfs(): Promise<string> {
  const root = join(await hostDirectory(), "root");
  mkdirSync(root, { recursive: true });
  for (const { name, content = "", mode, type } of system) {
    const path = join(root, name);
    mkdirSync(type === "directory" ? path : dirname(path), { recursive: true });
    if (type !== "directory") writeFileSync(path, content);
    chmodSync(path, mode ?? (type === "directory" ? 0o755 : 0o644));
  }
  writeFileSync(join(root, "note"), "from the host\n");
  return root;
}

describeLocal("a root file system as a base", () => {
  test.each(users)("runs commands as %s and stays as it is on the host", async (user) => {
    const root = await rootfs();
    const before = await hostTree(root);
    const sandbox = await open({ rootfs: root }, user);
    const result = await sandbox.exec(
      "cat /note; echo changed >note; rm -f /note; id -u; touch /tmp/x && echo made",
    );
    expect(result.stdout).toBe(`from the host\n${user === "root" ? 0 : 1000}\nmade\n`);
    await sandbox.writeFile("/etc/new", "x");
    expect(await hostTree(root)).toEqual(before);
  });

  test("needs no /proc, /dev or /tmp of its own", async () => {
    const root = await rootfs();
    rmdirSync(join(root, "tmp"));
    const command = "echo $((1 + 1)) >/dev/null; cat /proc/self/comm; stat -c %a /tmp";
    expect(await output({ rootfs: root }, command)).toBe("cat\n1777\n");
  });

  test.runIf(isRoot)("has its owners inside, for root", async () => {
    const root = await rootfs();
    writeFileSync(join(root, "one"), "x");
    linkSync(join(root, "one"), join(root, "two"));
    symlinkSync("one", join(root, "link"));
    chownSync(join(root, "one"), 7, 8);
    lchownSync(join(root, "link"), 9, 10);
    chmodSync(join(root, "one"), 0o4711);
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from("\xff", "latin1")]), "bytes");
    const sandbox = await open({ rootfs: root }, "root");
    const { stdout } = await sandbox.exec(
      "stat -c '%n %u %g %a %h' one two; stat -c '%u %g %N' link; cat ?",
      {
        cwd: "/",
      },
    );
    expect(stdout).toBe("one 7 8 711 2\ntwo 7 8 711 2\n9 10 'link' -> 'one'\nbytes");
    const { exitCode } = await sandbox.exec(
      "chown 1:1 /note && echo more >>/two && rm /bin/ln && touch /root/x",
    );
    expect(exitCode).toBe(0);
    const { uid, mode, nlink } = lstatSync(join(root, "one"));
    expect([uid, mode & 0o7777, nlink]).toEqual([7, 0o4711, 2]);
  });

  test.runIf(isRoot)("brings no devices, sockets or pipes to root", async () => {
    const root = await rootfs();
    execFileSync("mknod", ["-m", "666", join(root, "device"), "c", "1", "3"]);
    execFileSync("mkfifo", [join(root, "pipe")]);
    const names = (await (await open({ rootfs: root }, "root")).listDirectory("/")).map(({ name }) => name);
    expect(names).toContain("note");
    expect(names).not.toContain("device");
    expect(names).not.toContain("pipe");
  });

  test.runIf(isRoot)("shows the sandbox user what everybody may read, and root's own not", async () => {
    const root = await rootfs();
    writeFileSync(join(root, "private"), "x", { mode: 0o600 });
    const sandbox = await open({ rootfs: root });
    expect((await sandbox.exec("cat /note")).stdout).toBe("from the host\n");
    expect((await sandbox.exec("cat /private")).exitCode).toBe(1);
    expect((await sandbox.exec("echo x >>/note")).exitCode).not.toBe(0);
  });

  test.skipIf(isRoot)("that its caller can't read whole is UNSUPPORTED and says what", async () => {
    const root = await rootfs();
    chmodSync(join(root, "note"), 0);
    const error = await expectCode(open({ rootfs: root }), "UNSUPPORTED");
    expect(error.message).toContain(join(root, "note"));
  });

  test("a missing one is NOT_FOUND, a file NOT_A_DIRECTORY", async () => {
    const root = await rootfs();
    await expectCode(open({ rootfs: join(root, "none") }), "NOT_FOUND");
    const error = await expectCode(open({ rootfs: join(root, "note") }), "NOT_A_DIRECTORY");
    expect(error.message).toContain("{ archive }");
  });

  test("the machine's own root is refused, under any name", async () => {
    const link = join(await hostDirectory(), "link");
    symlinkSync("/", link);
    for (const rootfs of ["/", link, "/proc/self/root"]) {
      const error = await expectCode(open({ rootfs }), "INVALID_ARGUMENT");
      expect(error.message).toContain("host: true");
    }
  });
});
