import { describe, expect, test } from "vitest";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { prepare } from "../support/prepared.js";

/** Forks share what was and nothing of what comes. */
export function describeFork(engine: EngineUnderTest): void {
  describe("fork", () => {
    const prepared = prepare(engine);

    test("it has its own id and what was issued before it, and nothing of what came after", async () => {
      const sandbox = await prepared.fork();
      const writing = sandbox.exec("sleep 0.2; echo before > file");
      const forking = sandbox.fork();
      const after = sandbox.writeFile("file", "after");
      await using fork = await forking;
      await Promise.all([writing, after]);
      expect(fork.id).not.toBe(sandbox.id);
      expect(await fork.readTextFile("file")).toBe("before\n");
      expect(await sandbox.readTextFile("file")).toBe("after");
    });

    test("writes, deletions and directories on either side stay on that side", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFiles([
        { path: "keep", data: "base" },
        { path: "gone", data: "base" },
        { path: "dir/inner", data: "base" },
      ]);
      await using fork = await sandbox.fork();
      await fork.exec("rm gone; echo fork > keep; rm -r dir; echo file > dir");
      await sandbox.exec("echo parent > keep; echo parent > new");
      expect((await fork.exec("ls; cat keep dir")).stdout).toBe("dir\nkeep\nfork\nfile\n");
      expect((await sandbox.exec("ls; cat keep dir/inner gone; ls dir")).stdout).toBe(
        "dir\ngone\nkeep\nnew\nparent\nbasebaseinner\n",
      );
    });

    test("a file opened for appending or truncated in place does not reach the other side", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec("echo one > file; ln file hard");
      await using fork = await sandbox.fork();
      await fork.exec("echo two >> file; echo three >> hard");
      expect(await sandbox.readTextFile("file")).toBe("one\n");
      expect(await sandbox.readTextFile("hard")).toBe("one\n");
    });

    test("permissions and times changed in a fork do not reach the other side", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("file", "text");
      await sandbox.exec("touch -d 2001-02-03T04:05:06Z file 2>/dev/null || touch -t 200102030405.06 file");
      await using fork = await sandbox.fork();
      const show = "ls -l file | cut -c1-10; stat -c %Y file";
      const before = (await sandbox.exec(show)).stdout;
      await fork.exec("chmod 700 file; touch file");
      expect((await sandbox.exec(show)).stdout).toBe(before);
      expect((await fork.exec(show)).stdout).not.toBe(before);
    });

    test("a fork of a fork stays apart from both", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("file", "one");
      await using child = await sandbox.fork();
      await child.writeFile("file", "two");
      await using grandchild = await child.fork();
      await grandchild.exec("printf three > file");
      await child.exec("printf ' and more' >> file");
      const read = [sandbox, child, grandchild].map((each) => each.readTextFile("file"));
      expect(await Promise.all(read)).toEqual(["one", "two and more", "three"]);
    });

    test("32 forks write the same path at once and stay apart", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("same/path", "parent");
      const forks = await Promise.all(Array.from({ length: 32 }, () => sandbox.fork()));
      try {
        await Promise.all(
          forks.map(async (fork, index) => {
            await fork.writeFile("same/path", `library ${index}`);
            await fork.exec(`echo command ${index} >> same/path; echo ${index} > own-${index}`);
          }),
        );
        const seen = await Promise.all(forks.map((fork) => fork.exec("cat same/path; ls")));
        expect(seen.map((result) => result.stdout)).toEqual(
          forks.map((_, index) => `library ${index}command ${index}\nown-${index}\nsame\n`),
        );
        expect((await sandbox.exec("cat same/path; ls")).stdout).toBe("parentsame\n");
      } finally {
        await Promise.all(forks.map((fork) => fork.close()));
      }
    });

    test("it inherits env, secrets and workdir, and changes of them stay its own", async () => {
      const sandbox = await prepared.fork();
      await sandbox.setWorkdir("/workspace/sub");
      sandbox.withEnv("E", "parent").withSecret("S", "inherited-secret");
      await using fork = await sandbox.fork();
      fork.withEnv("E", "fork");
      await fork.setWorkdir("/workspace/other");
      const show = 'pwd; echo $E; printf %s "$S" | wc -c; echo "$S"';
      const inFork = (await fork.exec(show)).stdout;
      expect(inFork).toContain("/workspace/other\nfork\n16\n");
      expect(inFork).not.toContain("inherited-secret");
      expect((await sandbox.exec(show)).stdout).toContain("/workspace/sub\nparent\n16\n");
    });

    test("a parent can be closed while its fork works, and during the fork's command", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("base", "text");
      await using fork = await sandbox.fork();
      const running = fork.exec("sleep 0.3; cat base; echo new > file");
      await sandbox.close();
      expect(await running).toMatchObject({ exitCode: 0, stdout: "text" });
      expect((await fork.exec("cat base file")).stdout).toBe("textnew\n");
      expect(await fork.readTextFile("base")).toBe("text");
    });

    test("a fork's close leaves its parent and its siblings usable", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("base", "text");
      const [one, two] = [await sandbox.fork(), await sandbox.fork()];
      const stopped = expectCode(one.exec("sleep 60"), "CLOSED");
      await one.close();
      await stopped;
      expect(await two.readTextFile("base")).toBe("text");
      await two.close();
      expect((await sandbox.exec("cat base")).stdout).toBe("text");
    });

    test("a closed sandbox can't be forked", async () => {
      const sandbox = await prepared.fork();
      await sandbox.close();
      await expectCode(sandbox.fork(), "CLOSED");
    });

    test("await using closes it at the end of the block", async () => {
      const sandbox = await prepared.fork();
      let escaped: typeof sandbox;
      {
        await using fork = await sandbox.fork();
        escaped = fork;
      }
      await expectCode(escaped.exec("true"), "CLOSED");
    });
  });
}
