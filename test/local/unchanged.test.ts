import { expect, onTestFinished, test } from "vitest";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { describeLocal, users } from "./base-sandbox.js";

describeLocal("a command that writes nothing", () => {
  const open = async (user: "sandbox" | "root" = "sandbox") => {
    const sandbox = await Sandbox.create({ engine: "local", network: "off", user });
    onTestFinished(() => sandbox.close());
    return sandbox;
  };

  test("leaves the files that others left, before and after it", async () => {
    const sandbox = await open();
    await sandbox.exec("echo 1 > a");
    await sandbox.exec("cat a; ls / >/dev/null; mkdir /tmp/gone; rmdir /tmp/gone");
    const fork = await sandbox.fork();
    onTestFinished(() => fork.close());
    await sandbox.exec("true");
    await fork.exec("echo 2 > b; rm a");
    await sandbox.exec("true");
    expect((await sandbox.exec("cat a; ls")).stdout).toBe("1\na\n");
    expect((await fork.exec("ls; cat b")).stdout).toBe("b\n2\n");
  });

  test("may run beside others in forks of one snapshot", async () => {
    const sandbox = await open();
    const forks = await Promise.all(Array.from({ length: 6 }, () => sandbox.fork()));
    await Promise.all(
      forks.map(async (fork, index) => {
        await fork.exec("true");
        await fork.exec(`echo ${index} > mine`);
        await fork.exec("true");
        expect((await fork.exec("cat mine")).stdout).toBe(`${index}\n`);
        await fork.close();
      }),
    );
    expect((await sandbox.exec("ls -A")).stdout).toBe("");
  });

  test.each(users)("is not one that changes the root directory itself, as user %s", async (user) => {
    const sandbox = await open(user);
    const { exitCode } = await sandbox.exec("chmod 711 / 2>/dev/null");
    const expected = exitCode === 0 ? "711" : "755";
    await sandbox.exec("true");
    expect((await sandbox.exec("stat -c %a /")).stdout.trim()).toBe(expected);
  });
});
