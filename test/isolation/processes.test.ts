import { type ChildProcess, spawn } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attempt, expectDenied } from "../support/attempt.js";
import { processesWith } from "../support/host-processes.js";
import { describeWalls } from "../support/local-walls.js";
import { uniqueWord } from "../support/scratch.js";

const call = { x64: { ptrace: 101, readv: 310 }, arm64: { ptrace: 117, readv: 270 } }[
  process.arch as "x64" | "arm64"
];

await describeWalls("processes of the host", ({ sandbox }) => {
  const mark = uniqueWord();
  let hosts: ChildProcess;
  beforeAll(() => {
    process.env.FORKBOX_TEST_PARENT_SECRET = "the-parents-own";
    hosts = spawn("sleep", ["100000"], {
      argv0: `sleep-${mark}`,
      env: { HOST_MARK: mark, PATH: process.env.PATH },
    });
  });
  afterAll(() => {
    delete process.env.FORKBOX_TEST_PARENT_SECRET;
    hosts?.kill("SIGKILL");
  });

  const expectHostAlive = () => {
    expect(hosts.exitCode).toBeNull();
    expect(hosts.signalCode).toBeNull();
    expect(process.kill(hosts.pid as number, 0)).toBe(true);
  };

  test("they can't be seen, in /proc or by ps", async () => {
    expect((await processesWith(mark)).length).toBeGreaterThan(0);
    const own = uniqueWord("own");
    const look = `sh -c 'sleep 5; :' ${own} & sleep 0.1; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'; ps axww || true`;
    const { output } = await attempt(sandbox(), look);
    expect(output).toContain(own);
    expect(output).not.toContain(mark);
  });

  test("they can't be signalled, one by one or all at once", async () => {
    const pids = [hosts.pid, process.pid, process.ppid];
    for (const pid of pids) {
      const { output } = await attempt(sandbox(), `kill -0 ${pid} && cat /proc/${pid}/cmdline`);
      expect(output).not.toContain("node");
      expect(output).not.toContain(mark);
    }
    await attempt(sandbox(), `for pid in ${pids.join(" ")}; do test $pid -gt 20 && kill -9 $pid; done`);
    await sandbox().exec("kill -9 -1");
    expectHostAlive();
    expect((await attempt(sandbox(), "echo works")).output).toBe("works\n");
  });

  test("they can't be traced, and their memory can't be read", async () => {
    if (call === undefined) return;
    const trace = `perl -e 'exit(syscall(${call.ptrace}, 16, ${hosts.pid}, 0, 0) == 0 ? 0 : 1)'`;
    await expectDenied(sandbox(), trace);
    await expectDenied(sandbox(), `head -c 1 /proc/${hosts.pid}/mem`);
    await expectDenied(sandbox(), `test -e /proc/${hosts.pid}/mem && echo x > /proc/${hosts.pid}/mem`);
    expectHostAlive();
  });

  test("the parent's environment is not there, in no process", async () => {
    const look =
      "env; for file in /proc/[0-9]*/environ; do echo; echo $file; cat $file; done | tr '\\0' '\\n'";
    const own = await sandbox().exec(look, { env: { OWN: "own-variable" } });
    expect(own.stdout).toContain("/proc/1/environ");
    expect(own.stdout.match(/^OWN=own-variable$/gm)?.length).toBeGreaterThan(1);
    for (const text of ["the-parents-own", "FORKBOX_STATE_DIR", "VITEST", mark])
      expect(own.stdout).not.toContain(text);
  });

  test("processes of another sandbox can't be seen or signalled", async () => {
    const other = await sandbox().fork();
    const theirs = uniqueWord("theirs");
    let heard: (value: unknown) => void = () => undefined;
    const started = new Promise((resolve) => {
      heard = resolve;
    });
    const running = other.exec(`echo up; sh -c 'sleep 1; echo unharmed' ${theirs}`, { onStdout: heard });
    await started;
    const { output } = await attempt(sandbox(), "cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
    await sandbox().exec("kill -9 -1");
    expect(output).not.toContain(theirs);
    expect((await running).stdout).toBe("up\nunharmed\n");
    await other.close();
  });

  test("no descriptor but its own three streams is open", async () => {
    const { output } = await attempt(sandbox(), "ls /proc/self/fd | tr '\\n' ' '");
    // The fourth is ls's own.
    expect(output.trim()).toBe("0 1 2 3");
  });

  test("shared memory, semaphores and queues of the host are not there", async () => {
    const { output } = await attempt(sandbox(), "tail -qn +2 /proc/sysvipc/*; ls -A /dev/shm");
    expect(output.trim()).toBe("");
  });
});
