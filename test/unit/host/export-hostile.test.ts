import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { exportTree } from "../../../src/host/export.js";
import { listTree, rejection, temporaryDirectory } from "../../support/host-tree.js";

let root: string;
let host: string;
let out: string;
let victim: string;

beforeEach(() => {
  root = temporaryDirectory();
  host = temporaryDirectory();
  victim = temporaryDirectory();
  out = join(host, "out");
  fs.writeFileSync(join(victim, "canary"), "untouched");
  fs.writeFileSync(join(root, "good"), "good");
});

function link(target: string, path: string): void {
  fs.mkdirSync(join(root, path, ".."), { recursive: true });
  fs.symlinkSync(target, join(root, path));
}

/** Every link on the host leads into the exported tree or nowhere. */
function expectNoWayOut(): void {
  for (const path of listTree(out)) {
    if (!fs.lstatSync(join(out, path)).isSymbolicLink()) continue;
    expect(fs.readlinkSync(join(out, path))).not.toMatch(/^\//);
    if (fs.existsSync(join(out, path)))
      expect(fs.realpathSync(join(out, path))).toMatch(`${fs.realpathSync(out)}`);
  }
}

describe("links of the sandbox", () => {
  const outward: Record<string, [target: string, path: string][]> = {
    "an absolute one": [["/etc/passwd", "link"]],
    "an absolute one into the sandbox directory itself": [["/workspace/good", "link"]],
    "one that goes up too far": [["../canary", "link"]],
    "one that goes up too far from below": [["../../x", "a/link"]],
    "one that goes down and then up": [["a/../../x", "link"]],
    "one that goes up through a link to a shallower place": [
      ["a/b/../../../x", "link"],
      ["../..", "a/b"],
    ],
    "one with empty and dot parts": [[".//.././../x", "a/link"]],
  };
  test.each(Object.entries(outward))(
    "%s is skipped with its reason, and strict writes nothing",
    async (_, links) => {
      for (const [target, path] of links) link(target, path);
      const error = await rejection(exportTree(root, out, { strict: true }));
      expect(error.code).toBe("UNSAFE_EXPORT");
      expect(listTree(host)).toEqual([]);
      const { skipped } = await exportTree(root, out, {});
      expect(skipped[0]?.reason).toMatch(/link/);
      expect(fs.readFileSync(join(out, "good"), "utf8")).toBe("good");
      expectNoWayOut();
    },
  );

  test("a chain that stays inside is kept, and so is a loop", async () => {
    link("b/two", "a/one");
    link("../../c/three", "a/b/two");
    link("../good", "c/three");
    link("self", "self");
    expect((await exportTree(root, out, { strict: true })).skipped).toEqual([]);
    expect(fs.readFileSync(join(out, "a/one"), "utf8")).toBe("good");
    expectNoWayOut();
  });

  test("no order of exports makes two harmless links lead out together", async () => {
    fs.mkdirSync(join(root, "d/e/f"), { recursive: true });
    link("d/e/f/../../../x", "first");
    await exportTree(root, out, {});
    fs.rmSync(join(root, "d"), { recursive: true });
    fs.rmSync(join(out, "d"), { recursive: true });
    link(".", "d");
    await exportTree(root, out, {});
    expectNoWayOut();
  });

  test("one that would lead through a link of the host is skipped", async () => {
    fs.mkdirSync(out);
    fs.symlinkSync(victim, join(out, "theirs"));
    link("theirs/canary", "direct");
    link("middle/canary", "indirect");
    link("theirs", "middle");
    link("../theirs", "sub/up");
    const { skipped } = await exportTree(root, out, {});
    expect(skipped.map(({ path }) => path).sort()).toEqual(["direct", "indirect", "middle", "sub/up"]);
    expect(fs.existsSync(join(out, "direct"))).toBe(false);
  });
});

describe("links of the host", () => {
  beforeEach(() => {
    fs.mkdirSync(out);
    fs.symlinkSync(victim, join(out, "planted"));
    fs.symlinkSync(join(victim, "canary"), join(out, "file"));
  });

  test("a linked directory is not written through, and strict writes nothing", async () => {
    fs.mkdirSync(join(root, "planted"));
    fs.writeFileSync(join(root, "planted/canary"), "overwritten");
    fs.writeFileSync(join(root, "planted/new"), "new");
    expect((await rejection(exportTree(root, out, { strict: true }))).code).toBe("UNSAFE_EXPORT");
    expect(listTree(out)).toEqual(["file", "planted"]);
    const { skipped, files } = await exportTree(root, out, {});
    expect(skipped).toEqual([{ path: "planted", reason: expect.stringContaining("symbolic link") }]);
    expect(files).toBe(1);
    expect(listTree(victim)).toEqual(["canary"]);
    expect(fs.readFileSync(join(victim, "canary"), "utf8")).toBe("untouched");
  });

  test("a linked file is replaced, not what it leads to", async () => {
    fs.writeFileSync(join(root, "file"), "new");
    await exportTree(root, out, {});
    expect(fs.lstatSync(join(out, "file")).isFile()).toBe(true);
    expect(fs.readFileSync(join(out, "file"), "utf8")).toBe("new");
    expect(fs.readFileSync(join(victim, "canary"), "utf8")).toBe("untouched");
  });

  test("replace removes the links, not what they lead to", async () => {
    await exportTree(root, out, { replace: true });
    expect(listTree(out)).toEqual(["good"]);
    expect(listTree(victim)).toEqual(["canary"]);
  });
});

describe("special files and modes", () => {
  test("setuid, setgid, sticky and the write bits of others are dropped, execute bits stay", async () => {
    for (const [name, mode] of [
      ["suid", 0o4755],
      ["sgid", 0o2777],
      ["secret", 0o600],
      ["locked", 0o000],
    ] as const) {
      fs.writeFileSync(join(root, name), name);
      fs.chmodSync(join(root, name), mode);
    }
    fs.mkdirSync(join(root, "dir"));
    fs.chmodSync(join(root, "dir"), 0o3777);
    const before = process.umask(0);
    const { skipped } = await exportTree(root, out, {}).finally(() => process.umask(before));
    const mode = (name: string): number => fs.statSync(join(out, name)).mode & 0o7777;
    expect([mode("suid"), mode("sgid"), mode("secret"), mode("dir")]).toEqual([0o755, 0o755, 0o600, 0o755]);
    if (process.geteuid?.() === 0) expect(mode("locked")).toBe(0o600);
    else expect(skipped).toEqual([{ path: "locked", reason: expect.stringContaining("can't be read") }]);
    expect(fs.statSync(join(out, "suid")).uid).toBe(process.geteuid?.());
  });

  test("a FIFO is skipped with its reason instead of hanging", async () => {
    execFileSync("mkfifo", [join(root, "pipe")]);
    expect((await exportTree(root, out, {})).skipped).toEqual([{ path: "pipe", reason: "it is a FIFO" }]);
    expect(listTree(out)).toEqual(["good"]);
  });

  test("a root that is a link is refused", async () => {
    fs.symlinkSync(victim, join(host, "root"));
    expect((await rejection(exportTree(join(host, "root"), out, {}))).code).toBe("NOT_A_DIRECTORY");
  });

  test("a tree that is deeper than a path can be is cut with a reason", async () => {
    const dig = `for (let i = 0; i < 30; i += 1) { fs.mkdirSync("d".repeat(200)); process.chdir("d".repeat(200)); }`;
    execFileSync(process.execPath, ["-e", dig], { cwd: root });
    const { skipped } = await exportTree(root, out, {});
    expect(skipped).toEqual([
      { path: expect.stringContaining("ddd"), reason: expect.stringContaining("too long") },
    ]);
    execFileSync("rm", ["-rf", root]);
  });

  test("names are shown without the terminal escapes they hold", async () => {
    execFileSync("mkfifo", [join(root, "\u001b[31mred\n")]);
    expect((await exportTree(root, out, {})).skipped[0]?.path).toBe("\\x1b[31mred\\x0a");
  });
});

describe("git", () => {
  test("nothing lands in a .git at any depth, however it is spelled, unless allowed", async () => {
    for (const path of [".git/hooks", "sub/.GIT", "sub/deep/.git", "other/git~1", "more/.g\u200cit"]) {
      fs.mkdirSync(join(root, path), { recursive: true });
      fs.writeFileSync(join(root, path, "config"), "evil");
    }
    fs.mkdirSync(join(root, "worktree"));
    fs.writeFileSync(join(root, "worktree/.git"), "gitdir: ../evil");
    link("evil", "linked/.git");
    link("../.git/hooks/post-commit", "log/output");
    fs.writeFileSync(join(root, ".gitignore"), "fine");
    expect((await rejection(exportTree(root, out, { strict: true }))).code).toBe("UNSAFE_EXPORT");
    const { skipped } = await exportTree(root, out, {});
    expect(skipped).toHaveLength(8);
    const left = listTree(out).filter((path) => !fs.lstatSync(join(out, path)).isDirectory());
    expect(left).toEqual([".gitignore", "good"]);
    await exportTree(root, out, { allowGit: true });
    expect(listTree(out)).toContain(".git/hooks/config");
  });

  test("a place inside a .git is refused, and so is replacing a repository", async () => {
    fs.mkdirSync(join(out, ".git/hooks"), { recursive: true });
    expect((await rejection(exportTree(root, join(out, ".git/hooks"), {}))).code).toBe("UNSAFE_EXPORT");
    expect((await rejection(exportTree(root, out, { replace: true }))).code).toBe("UNSAFE_EXPORT");
    expect(listTree(out)).toEqual([".git", ".git/hooks"]);
  });
});
