import { describe, expect, test } from "vitest";
import type { Sandbox } from "../../src/sandbox/sandbox.js";
import type { EngineUnderTest } from "../support/engines.js";
import { prepare } from "../support/prepared.js";

/** What a long history must not change: deletions, replacements, links, modes, through layers and flattening. */
export function describeLayers(engine: EngineUnderTest): void {
  describe("layers", () => {
    const prepared = prepare(engine, {}, (sandbox) =>
      sandbox.writeFiles([
        { path: "d/old", data: "old" },
        { path: "d/sub/older", data: "older" },
        { path: "file", data: "was a file" },
        { path: "gone", data: "x" },
        { path: "kept", data: "kept" },
      ]),
    );

    /** Enough commands for any engine to have merged layers, each leaving a trace. */
    const growHistory = async (sandbox: Sandbox) => {
      await sandbox.makeDirectory("/tmp/history");
      for (let count = 0; count < engine.manyExecs; count++) {
        await sandbox.exec(`echo ${count} > /tmp/history/${count}`);
      }
      expect(await sandbox.listDirectory("/tmp/history")).toHaveLength(engine.manyExecs);
    };

    const histories: [string, (sandbox: Sandbox) => Promise<void>][] = [
      ["at once", async () => undefined],
      ["after flattening", growHistory],
    ];

    for (const [when, age] of histories) {
      test(`rm -rf d && mkdir d in one command hides what was below, ${when}`, async () => {
        const sandbox = await prepared.fork();
        await sandbox.exec("rm -rf d && mkdir d && echo new > d/new");
        await age(sandbox);
        expect((await sandbox.exec("ls -R d; cat d/new")).stdout).toBe("d:\nnew\nnew\n");
        expect((await sandbox.listDirectory("d")).map((entry) => entry.name)).toEqual(["new"]);
        expect(await sandbox.stat("d/old")).toBeUndefined();
        expect(await sandbox.stat("d/sub/older")).toBeUndefined();
      });

      test(`rm -rf d and mkdir d in two commands hides what was below, ${when}`, async () => {
        const sandbox = await prepared.fork();
        await sandbox.exec("rm -rf d");
        await age(sandbox);
        expect(await sandbox.stat("d")).toBeUndefined();
        await sandbox.exec("mkdir d && mkdir d/sub");
        await age(sandbox);
        expect((await sandbox.exec("find d")).stdout).toBe("d\nd/sub\n");
        expect(await sandbox.listDirectory("d/sub")).toEqual([]);
      });

      test(`a directory replaced by a file and back is empty, ${when}`, async () => {
        const sandbox = await prepared.fork();
        await sandbox.exec("rm -r d && echo now a file > d");
        await age(sandbox);
        expect(await sandbox.readTextFile("d")).toBe("now a file\n");
        await sandbox.exec("rm d && mkdir d");
        await age(sandbox);
        expect(await sandbox.listDirectory("d")).toEqual([]);
        expect((await sandbox.exec("ls d/sub 2>/dev/null; echo $?")).stdout).not.toBe("0\n");
      });

      test(`a file replaced by a directory, by a link and back is what it was last, ${when}`, async () => {
        const sandbox = await prepared.fork();
        await sandbox.exec("rm file && mkdir file && echo x > file/inner");
        await age(sandbox);
        expect(await sandbox.readTextFile("file/inner")).toBe("x\n");
        await sandbox.exec("rm -r file && ln -s kept file");
        expect(await sandbox.readTextFile("file")).toBe("kept");
        await sandbox.deleteFile("file");
        await sandbox.writeFile("file", "a file again");
        await age(sandbox);
        expect((await sandbox.exec("cat file kept; test -L file || echo no link")).stdout).toBe(
          "a file againkeptno link\n",
        );
      });

      test(`what was deleted stays deleted and what was there stays, ${when}`, async () => {
        const sandbox = await prepared.fork();
        await sandbox.exec("rm gone");
        await sandbox.deleteFile("d/old");
        await age(sandbox);
        expect((await sandbox.exec("find . | sort")).stdout).toBe(
          ".\n./d\n./d/sub\n./d/sub/older\n./file\n./kept\n",
        );
        await using fork = await sandbox.fork();
        await fork.writeFile("gone", "back");
        expect((await fork.exec("cat gone; ls d")).stdout).toBe("backsub\n");
      });

      test(`modes, times, links, hard links and empty directories are kept, ${when}`, async () => {
        const sandbox = await prepared.fork();
        await sandbox.exec(
          [
            "mkdir -p empty/deep && chmod 700 empty && chmod 1777 empty/deep",
            "echo x > run && chmod 751 run && touch -t 200102030405.06 run",
            "ln -s ../nowhere dangling && echo h > one && ln one two",
            "touch -t 200102030405.06 d",
          ].join(" && "),
        );
        const show = "stat -c '%n %a %s %F %Y' empty empty/deep run dangling one two d; readlink dangling";
        const before = (await sandbox.exec(show)).stdout;
        await age(sandbox);
        expect((await sandbox.exec(show)).stdout).toBe(before);
        expect((await sandbox.exec("cat one two")).stdout).toBe("h\nh\n");
      });
    }

    test("a fork taken before flattening is untouched by it, and both go on", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec("rm -rf d && mkdir d");
      await using fork = await sandbox.fork();
      await Promise.all([growHistory(sandbox), fork.exec("sleep 1; echo fork > d/fork")]);
      expect((await fork.exec("ls d /tmp")).stdout).not.toContain("history");
      expect((await fork.exec("ls d")).stdout).toBe("fork\n");
      expect((await sandbox.exec("ls d")).stdout).toBe("");
    });

    test("two long histories from one parent, grown at once, stay apart", async () => {
      const sandbox = await prepared.fork();
      await using fork = await sandbox.fork();
      await Promise.all([growHistory(sandbox), growHistory(fork)]);
      await fork.exec("rm -r /tmp/history");
      expect(await sandbox.listDirectory("/tmp/history")).toHaveLength(engine.manyExecs);
      expect(await fork.stat("/tmp/history")).toBeUndefined();
    });

    test("many library writes between commands are all kept", async () => {
      const sandbox = await prepared.fork();
      for (let count = 0; count < 20; count++) {
        await sandbox.writeFile(`w/${count}`, String(count));
        if (count % 5 === 0) await sandbox.exec(`echo x > e-${count}; rm -f w/${count - 3}`);
      }
      expect((await sandbox.exec("ls w | wc -l; ls -d e-* | wc -l")).stdout.replaceAll(" ", "")).toBe(
        "17\n4\n",
      );
    });
  });
}
