import { expect, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { describeDagger } from "../support/engine-dagger.js";

/** Of four layers each: more than an engine's file system can have. */
const OPERATIONS = 120;

const CHANGES = `
rm -rf /usr/share/doc && mkdir -p /usr/share/doc && echo new > /usr/share/doc/only
rm -rf /var/log && ln -s /nowhere /var/log
rm -rf /etc/motd && mkdir /etc/motd
mkdir -p deep/er && echo a > deep/a && chmod 700 deep && chown 33:44 deep/er && chmod 3777 deep/er
echo s > setuid && chmod 4755 setuid && ln setuid hard && mkfifo fifo && chmod 600 fifo
printf x > "$(printf 'odd\\377\\n')"`;

const LISTING = `for d in / /etc /usr /usr/share /usr/share/doc /var /var/log /etc/motd /workspace /workspace/deep; do
  stat -c '%n %F %a %u:%g' "$d" "$d"/* "$d"/.[!.]* 2>/dev/null
done | grep -v '^//*\\(\\.forkbox\\|proc\\|sys\\|dev\\)'; cat deep/a hard /usr/share/doc/only`;

await describeDagger("layers on Dagger", (engine) => {
  test("a sandbox goes on past what a file system can stand on, and nothing in it is changed by that", async () => {
    await using sandbox = await Sandbox.create({ ...engine.options, user: "root" });
    await sandbox.writeFile("count", "0");
    expect(await sandbox.exec(CHANGES)).toMatchObject({ exitCode: 0, stderr: "" });
    await using early = await sandbox.fork();
    const before = await sandbox.exec(LISTING, { encoding: "bytes" });
    for (let count = 1; count <= OPERATIONS; count++) {
      const data = String(count);
      await sandbox.writeFiles(["count", "n1", "n2", "n3"].map((path) => ({ path, data })));
    }
    for (const path of ["n1", "n2", "n3"]) await sandbox.deleteFile(path);
    const after = await sandbox.exec(LISTING, { encoding: "bytes" });
    expect(Buffer.from(after.stdout).toString("latin1")).toBe(Buffer.from(before.stdout).toString("latin1"));
    expect(await sandbox.readTextFile("count")).toBe(String(OPERATIONS));
    expect(await early.readTextFile("count")).toBe("0");
  }, 400_000);
});
