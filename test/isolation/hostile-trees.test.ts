import { chmodSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { isRoot } from "../local/base-sandbox.js";
import { describeWalls } from "../support/local-walls.js";
import { hostDirectory, hostFiles } from "../support/scratch.js";

/** Deeper than any path can say. */
const DEEP = `python3 -c "
import os
os.mkdir('deep'); os.chdir('deep')
for i in range(2500):
    os.mkdir('d'); os.chdir('d')
open('file', 'w').write('x')
"`;

/** Each leads 800 times through a directory, and then to the next. */
const LINKS = `python3 -c "
import os
os.mkdir('d')
for i in range(30): os.symlink('d/../' * 800 + 'link%d' % (i + 1), 'link%d' % i)
open('link30', 'w').write('x')
"`;

/** Marks of overlayfs, which a mount with userxattr believes. */
const MARKS = `python3 -c "
import os
os.mkdir('marked'); open('file', 'w').write('mine')
for path, name, value in [
    ('marked', 'redirect', b'/etc'), ('marked', 'redirect', b'/../../../../etc'), ('marked', 'opaque', b'y'),
    ('file', 'metacopy', b''), ('file', 'redirect', b'/etc/passwd'), ('file', 'whiteout', b''), ('.', 'opaque', b'x')]:
    try: os.setxattr(path, 'user.overlay.' + name, value)
    except OSError: pass
"`;

await describeWalls("trees that sandboxed code makes for forkbox to walk", ({ sandbox, user, network }) => {
  test("one deeper than any path ends every operation, with its reason", async () => {
    await using fork = await sandbox().fork();
    await fork.exec(DEEP);
    const to = join(await hostDirectory(), "out");
    const { skipped } = await fork.exportDirectory("/workspace", to);
    expect(skipped).toHaveLength(1);
    expect(skipped[0]?.reason).toContain("too long");
    const refused = { code: "INVALID_ARGUMENT", message: expect.stringContaining("longer than Linux takes") };
    await expect(fork.deleteFile("deep", { recursive: true })).rejects.toMatchObject(refused);
    await expect(fork.readTextFile(`deep/${"d/".repeat(3000)}file`)).rejects.toMatchObject(refused);
    for (let count = 0; count < 10; count++) await fork.exec(`echo ${count} >deep/d/pad`);
    expect(await fork.readTextFile("deep/d/pad")).toBe("9\n");
  }, 180_000);

  test("links that lead to each other by thousands of steps are not followed for ever", async () => {
    await using fork = await sandbox().fork();
    await fork.exec(LINKS);
    expect(await fork.readTextFile("link29")).toBe("x");
    await expect(fork.readTextFile("link0")).rejects.toMatchObject({
      message: expect.stringContaining("links"),
    });
  });

  test("marks of the overlay on its files show nothing from elsewhere in the next one", async () => {
    await using fork = await sandbox().fork();
    await fork.exec(MARKS);
    for (let count = 0; count < 10; count++) await fork.exec(`echo ${count} >pad`);
    await using other = await fork.fork();
    expect((await other.exec("ls -A . marked; cat file")).stdout).toBe(
      ".:\nfile\nmarked\npad\n\nmarked:\nmine",
    );
  });

  test.runIf(isRoot)(
    "a link does not read what lies in a directory of the host's that is closed",
    async () => {
      const host = await hostFiles({ "tools/closed/in/file": "the host's", "tools/open": "x" });
      chmodSync(host, 0o755);
      chmodSync(join(host, "tools/closed"), 0o700);
      const base = { host: true, paths: [join(host, "tools")] } as const;
      await using box = await Sandbox.create({ engine: "local", base, user, network });
      await box.exec(`ln -s ${host}/tools/closed/in/file link; ln -s ${host}/tools/closed/in directory`);
      const refused = { code: "PERMISSION" };
      await expect(box.readTextFile("link")).rejects.toMatchObject(refused);
      await expect(box.stat("directory/file")).rejects.toMatchObject(refused);
      await expect(box.listDirectory(`${host}/tools/closed/in`)).rejects.toMatchObject(refused);
      await expect(box.exec("pwd", { cwd: `${host}/tools/closed/in` })).rejects.toMatchObject(refused);
      expect(await box.readTextFile(`${host}/tools/open`)).toBe("x");
    },
  );

  test("many empty files don't hide what a command writes from its disk limit", async () => {
    await using box = await Sandbox.create({ engine: "local", user, network, limits: { diskMiB: 30 } });
    const write = `python3 -c "
import os, time
os.mkdir('empty')
for i in range(60000): os.close(os.open('empty/%d' % i, os.O_CREAT | os.O_WRONLY))
with open('large', 'wb') as file:
    for i in range(2000):
        file.write(b'x' * 500000); file.flush(); time.sleep(0.01)
print('to its end')
"`;
    await expect(box.exec(write)).rejects.toMatchObject({ code: "LIMIT", stdout: "" });
  });
});
