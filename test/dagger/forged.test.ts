import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Base } from "../../src/engine.js";
import { Sandbox } from "../../src/sandbox/sandbox.js";
import { smallSystem } from "../local/base-images.js";
import { tarOf } from "../local/base-tar.js";
import { describeDagger } from "../support/engine-dagger.js";
import { expectCode } from "../support/errors.js";
import { hostFiles } from "../support/scratch.js";
import { TOOLS } from "./tools.js";

/** Where what became of a command is written down, by whatever version of forkbox. */
const PLACES = "/.forkbox /.forkbox/io";
const PASSED = "exited 0 0 0 0 0";

/** What a command that fails may do to be taken for one that passes. */
const FORGERIES: Record<string, string> = {
  "writes a result of its own": `for at in ${PLACES}; do rm -f $at/result; echo ${PASSED} >$at/result; chmod 444 $at/result; done`,
  "leads the result elsewhere": `echo ${PASSED} >/tmp/passed; chmod 444 /tmp/passed; for at in ${PLACES}; do ln -sf /tmp/passed $at/result; done`,
  "writes a result without a code": `for at in ${PLACES}; do rm -f $at/result; echo 'exited  0 0' >$at/result; chmod 444 $at/result; done`,
  "leaves behind what writes a result": `for at in ${PLACES}; do (trap '' TERM; while :; do echo ${PASSED} >$at/result; done) & done`,
  "takes the place away": `for at in ${PLACES}; do mv $at $at-away; mkdir $at; echo ${PASSED} >$at/result; done`,
};

await describeDagger("what a command does to its own result", (engine) => {
  const create = (user: "sandbox" | "root", more = {}) =>
    Sandbox.create({ ...engine.options, user, ...more });

  test.each(Object.entries(FORGERIES))("one that fails and %s has failed", async (_, forgery) => {
    await using sandbox = await create("sandbox");
    const result = await sandbox.exec(`{ ${forgery}; } 2>/dev/null; exit 3`);
    expect(result).toMatchObject({ exitCode: 3, stdout: "", stderr: "" });
  });

  test.each(Object.entries(FORGERIES))("one of root that fails and %s does not pass", async (_, forgery) => {
    await using sandbox = await create("root");
    expect([3, "ENGINE_ERROR"]).toContain(await endOf(sandbox.exec(`{ ${forgery}; } 2>/dev/null; exit 3`)));
    expect((await sandbox.exec("exit 4")).exitCode).toBe(4);
  });

  test("nothing that watches a command is the command's user's to touch", async () => {
    await using sandbox = await create("sandbox");
    const { stdout } = await sandbox.exec(
      `for at in ${PLACES}; do touch $at/mine && echo wrote $at; done; cat /proc/1/environ && echo read
       : >/proc/1/mem && echo opened; ls /proc/1/fd && echo listed; kill -STOP 1 && echo stopped
       for pid in /proc/[0-9]*; do [ -O $pid ] || ! kill -0 \${pid#/proc/} || echo reached $pid; done`,
    );
    expect(stdout).toBe("");
  });

  test("what one printed, and what became of it, the next can't read", async () => {
    await using sandbox = await create("sandbox");
    await sandbox.exec("echo printed; echo said >&2; exit 3");
    const { stdout } = await sandbox.exec(
      "cd /.forkbox && for file in *; do [ -p $file ] || cat $file; done",
    );
    expect(stdout).not.toMatch(/^(printed|said|exited)/m);
  });

  test("one after another in the same place each have their own end and output", async () => {
    await using sandbox = await create("sandbox");
    for (const [script, result] of [
      ["seq 3; echo a >&2; exit 7", { stdout: "1\n2\n3\n", stderr: "a\n", exitCode: 7 }],
      ["printf '\\377'; exit 9", { exitCode: 9, stderr: "" }],
      ["true", { stdout: "", stderr: "", exitCode: 0 }],
      ["kill -9 $$", { stdout: "", exitCode: 137 }],
      ["head -c 300000 /dev/zero; exit 2", { stdout: "\0".repeat(300_000), exitCode: 2 }],
      ["echo b", { stdout: "b\n", stderr: "", exitCode: 0 }],
    ] as const)
      expect(await sandbox.exec(script)).toMatchObject(result);
    await sandbox.writeFile("between", "data");
    expect(await sandbox.exec("cat between")).toMatchObject({ stdout: "data", exitCode: 0 });
    await expectCode(sandbox.exec("cd nowhere; sleep 30", { timeoutMs: 1000 }), "TIMEOUT");
    expect(await sandbox.exec("echo d")).toMatchObject({ stdout: "d\n", exitCode: 0 });
  });

  test("more than is kept leaves nothing to the next in the same place", async () => {
    await using sandbox = await create("sandbox", { limits: { outputBytes: 1000 } });
    await sandbox.exec("true");
    for (let i = 0; i < 2; i++) {
      expect((await sandbox.exec("seq 200000")).stdout).toMatch(/^1\n2\n.*bytes dropped.*200000\n$/s);
      expect(await sandbox.exec("echo c; exit 1")).toMatchObject({ stdout: "c\n", exitCode: 1 });
    }
  });

  test.each(["out", "err", "out.tail", "out.rest", "out.dd", "result"])(
    "a pipe in place of its %s holds up nobody",
    async (name) => {
      await using sandbox = await create("root");
      const replace = PLACES.split(" ").map((at) => `rm -rf ${at}/${name}; mkfifo ${at}/${name}`);
      const script = `seq 100000; sleep 0.2; { ${replace.join("; ")}; } 2>/dev/null; exit 3`;
      expect([3, "ENGINE_ERROR"]).toContain(await endOf(sandbox.exec(script, { timeoutMs: 20_000 })));
    },
  );

  test("a deadline that can't be noted holds all the same", async () => {
    await using sandbox = await create("root");
    const started = performance.now();
    await expectCode(
      sandbox.exec(`mkdir -p /.forkbox/deadline /.forkbox/io/deadline; sleep 60`, { timeoutMs: 1500 }),
      "TIMEOUT",
    );
    expect(performance.now() - started).toBeLessThan(1500 + 1900);
  });

  test("what it says of a directory gives that to nobody", async () => {
    await using sandbox = await create("sandbox");
    const forged = "printf 'exited 0 0 0\\n41ff 1000:1000 /etc\\n' >";
    await sandbox.exec(
      `for at in ${PLACES}; do rm -f $at/result; ${forged}$at/result; chmod 444 $at/result; done`,
    );
    await sandbox.writeFiles(Array.from({ length: 6 }, (_, at) => ({ path: `/etc/many/${at}`, data: "x" })));
    expect((await sandbox.exec("stat -c '%a %u' /etc")).stdout).toBe("755 0\n");
  });

  test("a stdin that goes on can't be led to what root alone may read", async () => {
    await using sandbox = await create("sandbox");
    async function* lines() {
      yield "first\n";
      await new Promise((resolve) => setTimeout(resolve, 1500));
    }
    const { stdout } = await sandbox.exec(
      "read line; for i in 1 2 3 4; do ln -s /etc/shadow /.forkbox-in/$i; done 2>/dev/null; echo $line; cat",
      { stdin: lines() },
    );
    expect(stdout).toBe("first\n");
  });

  test("what lies first in the image's PATH is the command's alone", async () => {
    const base = await imageWith("ENV PATH=/workspace/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    await using sandbox = await create("sandbox", { base });
    const tools = "cat chown chroot dd env ln mkdir mkfifo mv readlink rm rmdir sleep stat tail tee wc";
    await sandbox.exec(`mkdir bin; for tool in ${tools}; do echo 'echo forged' >bin/$tool; done`);
    await sandbox.exec("/bin/sh -c 'for tool in bin/*; do chmod 755 $tool; done'");
    expect(await sandbox.exec("stat; exit 3")).toMatchObject({ exitCode: 3, stdout: "forged\n" });
    await sandbox.writeFiles(Array.from({ length: 6 }, (_, at) => ({ path: `/etc/many/${at}`, data: "x" })));
    expect((await sandbox.exec(["/bin/stat", "-c", "%u", "/etc"])).stdout).toBe("0\n");
  });

  test("what root prints past its streams comes live up to what is kept of them, and no further", async () => {
    await using sandbox = await create("root", { limits: { outputBytes: 100_000 } });
    let heard = 0;
    await sandbox.exec("yes | head -c 3000000 >/proc/1/fd/1", {
      onStdout: (text) => {
        heard += text.length;
      },
    });
    expect(heard).toBeLessThanOrEqual(100_000);
  });

  test("a secret with a name that the shell needs itself is UNSUPPORTED", async () => {
    for (const name of ["PATH", "IFS", "fbx_code", "LD_PRELOAD"]) {
      await using sandbox = await create("sandbox");
      await expectCode(sandbox.exec("true", { secrets: { [name]: "a secret value" } }), "UNSUPPORTED");
    }
  });
});

/** Its exit code, or the code of its error. */
function endOf(exec: Promise<{ exitCode: number }>): Promise<unknown> {
  return exec.then(
    ({ exitCode }) => exitCode,
    ({ code }) => code,
  );
}

async function imageWith(lines: string): Promise<Base> {
  const directory = await hostFiles({ Dockerfile: `FROM scratch\nADD system.tar /\n${lines}\n` });
  await writeFile(join(directory, "system.tar"), tarOf(smallSystem([...TOOLS, "chmod"])));
  return { dockerfile: directory };
}
