import { describe, expect, test } from "vitest";
import { everyByte, randomData, sha256 } from "../support/bytes.js";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { prepare } from "../support/prepared.js";

/** Reading, writing, listing and deleting. */
export function describeFiles(engine: EngineUnderTest): void {
  describe("files", () => {
    const prepared = prepare(engine);

    test("bytes come back as they went in, from the library and from a command", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("bytes", everyByte);
      expect(new Uint8Array(await sandbox.readFile("bytes"))).toEqual(everyByte);
      expect((await sandbox.exec("cat bytes", { encoding: "bytes" })).stdout).toEqual(everyByte);
      await sandbox.exec("cat bytes bytes > twice");
      expect(sha256(await sandbox.readFile("twice"))).toBe(sha256(Buffer.concat([everyByte, everyByte])));
    });

    test("text is UTF-8, with what it holds left alone", async () => {
      const sandbox = await prepared.fork();
      const text = "\ufeffkäse\r\n€ 🙂\0end";
      await sandbox.writeFile("text", text);
      expect(await sandbox.readTextFile("text")).toBe(text);
      expect(Buffer.from(await sandbox.readFile("text")).equals(Buffer.from(text))).toBe(true);
    });

    test("an empty file is a file", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("empty", "");
      await sandbox.exec(": > empty-too");
      expect(await sandbox.readTextFile("empty")).toBe("");
      expect((await sandbox.readFile("empty-too")).length).toBe(0);
      expect(await sandbox.stat("empty")).toMatchObject({ type: "file", size: 0 });
    });

    test("64 MiB come back as they went in", async () => {
      const sandbox = await prepared.fork();
      const data = randomData(64 * 1024 * 1024);
      await sandbox.writeFile("large", data);
      expect((await sandbox.exec("sha256sum large")).stdout.slice(0, 64)).toBe(sha256(data));
      await using fork = await sandbox.fork();
      expect(sha256(await fork.readFile("large"))).toBe(sha256(data));
    });

    test("writing shortens, replaces and creates parents", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("new/deep/file", "a long first text");
      await sandbox.writeFile("new/deep/file", "short");
      expect((await sandbox.exec("cat new/deep/file")).stdout).toBe("short");
    });

    test("writeFiles writes all or none", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFiles([
        { path: "a", data: "1" },
        { path: "sub/b", data: new Uint8Array([50]), mode: 0o755 },
      ]);
      expect((await sandbox.exec("cat a sub/b; test -x sub/b && echo x")).stdout).toBe("12x\n");
      const failing = sandbox.writeFiles([
        { path: "a", data: "changed" },
        { path: "fresh/c", data: "never" },
        { path: "a/below-a-file", data: "impossible" },
      ]);
      await expectCode(failing, "NOT_A_DIRECTORY");
      expect((await sandbox.exec("cat a; ls")).stdout).toBe("1a\nsub\n");
    });

    test("writeFiles with one path twice keeps the later, and with none does nothing", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFiles([
        { path: "a", data: "1" },
        { path: "./a", data: "2" },
      ]);
      expect(await sandbox.readTextFile("a")).toBe("2");
      await sandbox.writeFiles([]);
      expect(await sandbox.listDirectory(".")).toHaveLength(1);
    });

    test("what is written belongs to the user that runs commands, 0644 and 0755", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("dir/file", "text");
      await sandbox.makeDirectory("made/deeper");
      const { stdout } = await sandbox.exec(
        "stat -c '%a %u' dir dir/file made made/deeper; id -u; echo more >> dir/file && touch made/deeper/new && rm -r made",
      );
      const uid = stdout.trim().split("\n").at(-1);
      expect(stdout).toBe(`755 ${uid}\n644 ${uid}\n755 ${uid}\n755 ${uid}\n${uid}\n`);
      expect(await sandbox.readTextFile("dir/file")).toBe("textmore\n");
    });

    test("many at once leave the directories they come to, and those above, as they are", async () => {
      const stat = "stat -c '%n %a %u:%g' / /tmp . closed closed/in shared";
      const targets = [
        ["closed/in"],
        ["/tmp/made", "closed/in"],
        ["shared", "closed", "."],
        ["closed/in/new", "/tmp"],
      ];
      for (const directories of targets) {
        const sandbox = await prepared.fork();
        const before = await sandbox.exec(
          `mkdir -p closed/in shared; chmod 700 closed; chmod 3777 shared; ${stat}`,
        );
        const files = directories.flatMap((directory) =>
          Array.from({ length: 5 }, (_, index) => ({ path: `${directory}/file-${index}`, data: "x" })),
        );
        await sandbox.writeFiles(files);
        const paths = files.map(({ path }) => path).join(" ");
        const others = `find ${paths} ! -user "$(id -u)" -o ! -perm 644`;
        const after = await sandbox.exec(
          `${stat}; ${others}; for file in ${paths}; do echo more >> $file; done`,
        );
        expect(after).toEqual({ ...before, durationMs: after.durationMs });
      }
    });

    test("overwriting keeps the mode, and a mode that is given is set", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec("echo old > script; chmod 751 script");
      await sandbox.writeFile("script", "#!/bin/sh\necho ran\n");
      expect(await sandbox.stat("script")).toMatchObject({ mode: 0o751 });
      expect((await sandbox.exec("./script")).stdout).toBe("ran\n");
      await sandbox.writeFile("script", "x", { mode: 0o600 });
      expect(await sandbox.stat("script")).toMatchObject({ mode: 0o600 });
      await sandbox.writeFile("fresh", "x", { mode: 0o700 });
      expect(await sandbox.stat("fresh")).toMatchObject({ mode: 0o700 });
    });

    test("a file that its owner may not write is still the library's to overwrite and delete", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec("echo old > locked; chmod 400 locked; mkdir d; touch d/f; chmod 555 d");
      await sandbox.writeFile("locked", "new");
      expect((await sandbox.exec("cat locked; stat -c %a locked")).stdout).toBe("new400\n");
      await sandbox.deleteFile("d", { recursive: true });
      expect((await sandbox.exec("ls")).stdout).toBe("locked\n");
    });

    test("what sandboxed code has closed to itself is the library's to read and write, and stays closed", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec(
        "mkdir -p shut/in; echo secret >shut/in/file; echo none >none; chmod 0 none shut/in/file shut/in; chmod 111 shut",
      );
      await using fork = await sandbox.fork();
      for (const each of [sandbox, fork]) {
        expect(await each.readTextFile("none")).toBe("none\n");
        expect(await each.readTextFile("shut/in/file")).toBe("secret\n");
        expect(await each.listDirectory("shut/in")).toMatchObject([{ name: "file", mode: 0 }]);
        expect(await each.stat("shut/in/file")).toMatchObject({ size: 7, mode: 0 });
        await each.writeFile("none", "new");
        await each.writeFile("shut/in/deep/other", "new");
        await each.deleteFile("shut/in/file");
        expect(await each.readTextFile("shut/in/deep/other")).toBe("new");
        const { stdout } = await each.exec(
          "stat -c '%n %a' none shut; chmod 700 shut; stat -c '%n %a' shut/in; chmod 700 shut/in; ls shut/in",
        );
        expect(stdout).toBe("none 0\nshut 111\nshut/in 0\ndeep\n");
      }
    });

    test("stat tells name, type, size and mode, and undefined where nothing is", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec("mkdir dir; chmod 711 dir; echo hello > file; ln -s file link; mkfifo pipe");
      expect(await sandbox.stat("file")).toMatchObject({ name: "file", type: "file", size: 6, mode: 0o644 });
      expect(await sandbox.stat("dir")).toMatchObject({ name: "dir", type: "directory", mode: 0o711 });
      expect(await sandbox.stat("link")).toMatchObject({ name: "link", type: "symlink" });
      expect(await sandbox.stat("pipe")).toMatchObject({ name: "pipe", type: "other" });
      expect(await sandbox.stat("nothing")).toBeUndefined();
      expect(await sandbox.stat("no/such/parent")).toBeUndefined();
      expect(await sandbox.stat("/")).toMatchObject({ type: "directory" });
    });

    test("a listing is sorted by name and holds hidden files", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec("touch b a .hidden B 10 9; mkdir dir; touch dir/inner; ln -s nowhere link");
      const entries = await sandbox.listDirectory("/workspace");
      expect(entries.map((entry) => entry.name)).toEqual([
        ".hidden",
        "10",
        "9",
        "B",
        "a",
        "b",
        "dir",
        "link",
      ]);
      expect(entries.find((entry) => entry.name === "dir")?.type).toBe("directory");
      expect(await sandbox.listDirectory("dir")).toMatchObject([{ name: "inner", type: "file", size: 0 }]);
      await sandbox.makeDirectory("none");
      expect(await sandbox.listDirectory("none")).toEqual([]);
    });

    test("makeDirectory creates parents, is fine with a directory, and refuses a file", async () => {
      const sandbox = await prepared.fork();
      await sandbox.makeDirectory("a/b/c");
      await sandbox.writeFile("a/b/c/file", "kept");
      await sandbox.makeDirectory("a/b/c");
      expect(await sandbox.readTextFile("a/b/c/file")).toBe("kept");
      await expectCode(sandbox.makeDirectory("a/b/c/file"), "NOT_A_DIRECTORY");
      await expectCode(sandbox.makeDirectory("a/b/c/file/below"), "NOT_A_DIRECTORY");
    });

    test("deleteFile takes a file, and a full directory only when recursive", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFiles([
        { path: "file", data: "" },
        { path: "dir/inner/deep", data: "" },
      ]);
      await sandbox.deleteFile("file");
      await expectCode(sandbox.deleteFile("dir"), "NOT_A_FILE", "INVALID_ARGUMENT");
      expect(await sandbox.stat("dir/inner/deep")).toBeDefined();
      await sandbox.deleteFile("dir", { recursive: true });
      expect(await sandbox.listDirectory(".")).toEqual([]);
      await expectCode(sandbox.deleteFile("dir", { recursive: true }), "NOT_FOUND");
    });

    test("what is missing or of another kind has its own error, which names the path", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("file", "");
      await sandbox.makeDirectory("dir");
      expect((await expectCode(sandbox.readFile("nothing"), "NOT_FOUND")).path).toBe("/workspace/nothing");
      await expectCode(sandbox.readTextFile("dir"), "NOT_A_FILE");
      await expectCode(sandbox.writeFile("dir", "x"), "NOT_A_FILE");
      await expectCode(sandbox.listDirectory("file"), "NOT_A_DIRECTORY");
      await expectCode(sandbox.listDirectory("nothing"), "NOT_FOUND");
      await expectCode(sandbox.readFile("file/below"), "NOT_A_DIRECTORY", "NOT_FOUND");
      await expectCode(sandbox.deleteFile("nothing"), "NOT_FOUND");
      await expectCode(sandbox.writeFile("file/below", ""), "NOT_A_DIRECTORY");
    });

    test("a FIFO is not a file to read or write, and neither waits on it", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec("mkfifo pipe");
      await expectCode(sandbox.readFile("pipe"), "NOT_A_FILE");
      await expectCode(sandbox.writeFile("pipe", "text"), "NOT_A_FILE");
    });

    test("/tmp and HOME are part of the snapshot", async () => {
      const sandbox = await prepared.fork();
      const home = (await sandbox.exec('echo one > /tmp/file; echo two > "$HOME/file"; printf %s "$HOME"'))
        .stdout;
      expect(await sandbox.readTextFile("/tmp/file")).toBe("one\n");
      expect(await sandbox.readTextFile(`${home}/file`)).toBe("two\n");
      await using fork = await sandbox.fork();
      await fork.exec('rm /tmp/file "$HOME/file"');
      expect((await sandbox.exec('cat /tmp/file "$HOME/file"')).stdout).toBe("one\ntwo\n");
      if (engine.name === "local") expect(home).toBe("/home/sandbox");
    });

    test("/proc and /dev are not files of the sandbox", async () => {
      const sandbox = await prepared.fork();
      expect((await sandbox.exec("echo x > /dev/null; test -r /proc/self/status && echo there")).stdout).toBe(
        "there\n",
      );
      await expectCode(
        sandbox.readFile("/proc/self/environ"),
        "NOT_FOUND",
        "UNSUPPORTED",
        "PERMISSION",
        "NOT_A_FILE",
      );
      await expectCode(sandbox.writeFile("/dev/shm/x", "x"), "NOT_FOUND", "UNSUPPORTED", "PERMISSION");
    });

    test("a path may have dots and doubled slashes in it, and is the same path", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("./a/../b//c/./file", "text");
      expect(await sandbox.readTextFile("/workspace/b/c/file")).toBe("text");
      expect(await sandbox.stat("a")).toBeUndefined();
      expect(await sandbox.listDirectory("/workspace/b/")).toMatchObject([{ name: "c" }]);
    });

    if (engine.options.base === undefined && engine.name === "local") {
      test("the read-only parts of the host base can be read and listed, and writing there is PERMISSION", async () => {
        const sandbox = await prepared.fork();
        expect((await sandbox.listDirectory("/usr/bin")).map((entry) => entry.name)).toContain("env");
        expect((await sandbox.readFile("/usr/bin/env")).length).toBeGreaterThan(1000);
        expect(await sandbox.stat("/usr/bin")).toMatchObject({ type: "directory" });
        await expectCode(sandbox.writeFile("/usr/bin/forkbox-test", "x"), "PERMISSION");
        await expectCode(sandbox.makeDirectory("/usr/forkbox-test"), "PERMISSION");
        await expectCode(sandbox.deleteFile("/usr/bin/env"), "PERMISSION");
        const { exitCode, stderr } = await sandbox.exec("touch /usr/bin/forkbox-test");
        expect(exitCode).toBe(1);
        expect(stderr).toMatch(/read-only|permission/i);
      });
    }
  });
}
