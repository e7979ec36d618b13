import * as fs from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { exportTree } from "../../../src/host/export.js";
import { listTree, rejection, temporaryDirectory } from "../../support/host-tree.js";

let root: string;
let host: string;
const outside = (): string => join(host, "out");

beforeEach(() => {
  root = temporaryDirectory();
  host = temporaryDirectory();
});

function put(path: string, content: string | Uint8Array = "new"): void {
  fs.mkdirSync(join(path, ".."), { recursive: true });
  fs.writeFileSync(path, content);
}

describe("an export into a new place", () => {
  test("brings files, empty directories and inner links, and counts files and bytes", async () => {
    put(join(root, "a/b/one.txt"), "12345");
    put(join(root, "empty"), "");
    fs.mkdirSync(join(root, "nothing"));
    fs.symlinkSync("a/b/one.txt", join(root, "link"));
    fs.symlinkSync("../../empty", join(root, "a/b/up"));
    expect(await exportTree(root, outside(), {})).toEqual({ files: 4, bytes: 5, skipped: [] });
    expect(listTree(outside())).toEqual(["a", "a/b", "a/b/one.txt", "a/b/up", "empty", "link", "nothing"]);
    expect(fs.readFileSync(join(outside(), "link"), "utf8")).toBe("12345");
    expect(fs.readlinkSync(join(outside(), "a/b/up"))).toBe("../../empty");
    expect(listTree(host)).not.toContainEqual(expect.stringContaining(".forkbox"));
  });

  test("creates the parents of the host path", async () => {
    put(join(root, "file"));
    await exportTree(root, join(host, "x/y/z"), {});
    expect(fs.readFileSync(join(host, "x/y/z/file"), "utf8")).toBe("new");
  });

  test("leaves no parent behind when it fails", async () => {
    put(join(root, "file"));
    const signal = AbortSignal.abort("stop");
    const error = await rejection(exportTree(root, join(host, "x/y/z"), { signal }));
    expect(error).toMatchObject({ code: "ABORTED", operation: "exportDirectory", cause: "stop" });
    expect(listTree(host)).toEqual([]);
  });

  test("reaches the host path through the links that the caller gave", async () => {
    put(join(root, "file"));
    fs.mkdirSync(join(host, "real"));
    fs.symlinkSync("real", join(host, "link"));
    await exportTree(root, join(host, "link/sub"), {});
    await exportTree(root, join(host, "link"), {});
    expect(listTree(join(host, "real"))).toEqual(["file", "sub", "sub/file"]);
    expect(fs.lstatSync(join(host, "link")).isSymbolicLink()).toBe(true);
  });

  test("keeps names as bytes and bytes as they are", async () => {
    const names = [
      Buffer.from([0x66, 0xff, 0xfe]),
      Buffer.from("new\nline"),
      Buffer.from("-rf"),
      Buffer.from("a 'b' \"c\" $d"),
    ];
    names.push(Buffer.from("x".repeat(255)), Buffer.from("é".repeat(127)), Buffer.from("日本 ☃"));
    const content = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    for (const name of names) fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), name]), content);
    await exportTree(root, outside(), {});
    const found = fs.readdirSync(Buffer.from(outside()), { encoding: "buffer" });
    expect(found.map((name) => name.toString("hex")).sort()).toEqual(
      names.map((name) => name.toString("hex")).sort(),
    );
    for (const name of names) {
      expect(fs.readFileSync(Buffer.concat([Buffer.from(`${outside()}/`), name])).equals(content)).toBe(true);
    }
  });

  test("copies a large file, and one with holes", async () => {
    const large = Buffer.alloc(5 * 1024 * 1024 + 17, "abcdefg");
    put(join(root, "large"), large);
    put(join(root, "holes"), "start");
    fs.truncateSync(join(root, "holes"), 64 * 1024 * 1024 + 3);
    const { bytes } = await exportTree(root, outside(), {});
    expect(bytes).toBe(large.length + 64 * 1024 * 1024 + 3);
    expect(fs.readFileSync(join(outside(), "large")).equals(large)).toBe(true);
    const holes = fs.readFileSync(join(outside(), "holes"));
    expect([
      holes.length,
      holes.subarray(0, 5).toString(),
      holes.subarray(5).every((byte) => byte === 0),
    ]).toEqual([64 * 1024 * 1024 + 3, "start", true]);
    expect(fs.statSync(join(outside(), "holes")).blocks * 512).toBeLessThan(8 * 1024 * 1024);
  });

  test("takes what include names and exclude does not, without directories that end up empty", async () => {
    for (const path of ["dist/a.js", "dist/a.map", "src/a.ts", "docs/x/y.md"]) put(join(root, path));
    await exportTree(root, outside(), { include: ["dist", "**/*.md"], exclude: ["**/*.map"] });
    expect(listTree(outside())).toEqual(["dist", "dist/a.js", "docs", "docs/x", "docs/x/y.md"]);
  });
});

describe("an export into a directory that is there", () => {
  beforeEach(() => {
    put(join(outside(), "kept"), "old");
    put(join(outside(), "sub/kept"), "old");
    put(join(outside(), "sub/changed"), "old");
    put(join(root, "sub/changed"), "new");
    put(join(root, "sub/deep/added"), "new");
  });

  test("merges: what it does not name stays", async () => {
    await exportTree(root, outside(), {});
    expect(listTree(outside())).toEqual([
      "kept",
      "sub",
      "sub/changed",
      "sub/deep",
      "sub/deep/added",
      "sub/kept",
    ]);
    expect(fs.readFileSync(join(outside(), "sub/changed"), "utf8")).toBe("new");
    expect(fs.readFileSync(join(outside(), "sub/kept"), "utf8")).toBe("old");
  });

  test("swaps the directory with replace", async () => {
    await exportTree(root, outside(), { replace: true });
    expect(listTree(host)).toEqual([
      "out",
      "out/sub",
      "out/sub/changed",
      "out/sub/deep",
      "out/sub/deep/added",
    ]);
  });

  test("puts a new file in the place of one that others hold open or have linked", async () => {
    fs.linkSync(join(outside(), "sub/changed"), join(host, "other-name"));
    await exportTree(root, outside(), {});
    expect(fs.readFileSync(join(host, "other-name"), "utf8")).toBe("old");
  });

  test("leaves a file alone that is the same already, and replaces one that differs in a byte or its mode", async () => {
    for (const name of ["same", "byte", "mode"]) put(join(root, name), "content");
    await exportTree(root, outside(), {});
    const before = ["same", "byte", "mode"].map((name) => fs.statSync(join(outside(), name)).ino);
    put(join(root, "byte"), "cOntent");
    fs.chmodSync(join(root, "mode"), 0o755);
    expect(await exportTree(root, outside(), {})).toMatchObject({ files: 5, bytes: 27 });
    const after = ["same", "byte", "mode"].map((name) => fs.statSync(join(outside(), name)).ino);
    expect(after.map((ino, index) => ino === before[index])).toEqual([true, false, false]);
    expect(fs.readFileSync(join(outside(), "byte"), "utf8")).toBe("cOntent");
  });

  test("puts directories over files and files over empty directories", async () => {
    put(join(outside(), "was-file"), "old");
    put(join(root, "was-file/inner"));
    fs.mkdirSync(join(outside(), "was-empty"));
    put(join(root, "was-empty"), "now a file");
    await exportTree(root, outside(), {});
    expect(fs.readFileSync(join(outside(), "was-file/inner"), "utf8")).toBe("new");
    expect(fs.readFileSync(join(outside(), "was-empty"), "utf8")).toBe("now a file");
  });

  test("never deletes a directory with something in it for a file, and writes nothing then", async () => {
    put(join(root, "kept2"), "new");
    put(join(outside(), "zzz/precious"), "old");
    put(join(root, "zzz"), "a file");
    const before = listTree(host);
    const error = await rejection(exportTree(root, outside(), {}));
    expect(error).toMatchObject({ code: "NOT_A_FILE", path: join(outside(), "zzz") });
    expect(listTree(host)).toEqual(before);
    expect(fs.readFileSync(join(outside(), "sub/changed"), "utf8")).toBe("old");
  });

  test("runs beside another export into the same new parent", async () => {
    await Promise.all(["a", "b", "c"].map((name) => exportTree(root, join(host, "fresh", name), {})));
    expect(listTree(join(host, "fresh")).filter((path) => path.endsWith("added"))).toHaveLength(3);
  });
});

describe("a bad place", () => {
  test("is NOT_A_DIRECTORY when it, or a parent, is a file", async () => {
    put(join(host, "file"));
    for (const path of [join(host, "file"), join(host, "file/below")]) {
      expect((await rejection(exportTree(root, path, {}))).code).toBe("NOT_A_DIRECTORY");
    }
  });

  test("is INVALID_ARGUMENT when it can't be a path, or replace would delete the file system", async () => {
    for (const path of ["", "a\0b"])
      expect((await rejection(exportTree(root, path, {}))).code).toBe("INVALID_ARGUMENT");
    expect((await rejection(exportTree(root, "/", { replace: true }))).code).toBe("INVALID_ARGUMENT");
  });

  test("is NOT_FOUND when it is a link to nothing, or the sandbox has no such directory", async () => {
    fs.symlinkSync("/nowhere/at/all", join(host, "dangling"));
    expect((await rejection(exportTree(root, join(host, "dangling"), {}))).code).toBe("NOT_FOUND");
    expect((await rejection(exportTree(join(root, "none"), outside(), {}))).code).toBe("NOT_FOUND");
  });
});
