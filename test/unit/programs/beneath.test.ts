import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Beneath } from "../../../src/programs/beneath.mjs";

const descriptors = () => readdirSync("/proc/self/fd").length;

describe.runIf(process.platform === "linux")("Beneath", () => {
  let root: string;
  let beneath: Beneath;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "forkbox-beneath-"));
    mkdirSync(join(root, "tree/a/b"), { recursive: true });
    mkdirSync(join(root, "outside"));
    writeFileSync(join(root, "tree/a/b/file"), "inside");
    writeFileSync(join(root, "outside/file"), "outside");
    beneath = new Beneath(join(root, "tree"));
  });
  afterEach(() => {
    beneath.close();
    rmSync(root, { recursive: true });
  });
  const read = (path: string) => readFileSync(beneath.place(path), "utf8");

  it("finds what is there, with and without a slash at the start", () => {
    expect(read("a/b/file")).toBe("inside");
    expect(read("/a/b/file")).toBe("inside");
    expect(readdirSync(beneath.place("/"))).toEqual(["a"]);
  });

  it("follows no link on the way", () => {
    symlinkSync(join(root, "outside"), join(root, "tree/link"));
    expect(() => read("link/file")).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
  });

  it("stays with the directory that it found when a link takes its name", () => {
    const place = beneath.place("a/b/file");
    renameSync(join(root, "tree/a/b"), join(root, "tree/moved"));
    symlinkSync(join(root, "outside"), join(root, "tree/a/b"));
    expect(readFileSync(place, "utf8")).toBe("inside");
    expect(read("a/b/file")).toBe("inside");
    beneath.forget();
    expect(() => read("a/b/file")).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
  });

  it("forgets one directory with all below it, and no other", () => {
    mkdirSync(join(root, "tree/ab/b"), { recursive: true });
    read("a/b/file");
    const other = beneath.place("ab/b/file").toString();
    beneath.forget("/a");
    renameSync(join(root, "tree/a"), join(root, "tree/moved"));
    symlinkSync(join(root, "outside"), join(root, "tree/a"));
    expect(() => read("a/b/file")).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
    expect(beneath.place("ab/b/file").toString()).toBe(other);
  });

  it("takes no longer path than the kernel", () => {
    const long = `${"d/".repeat(2100)}file`;
    expect(() => beneath.place(long)).toThrow(expect.objectContaining({ code: "ENAMETOOLONG" }));
    expect(() => beneath.directory(long)).toThrow(expect.objectContaining({ code: "ENAMETOOLONG" }));
  });

  it("keeps few descriptors open, and none when closed", () => {
    const before = descriptors();
    const deep = Array.from({ length: 300 }, (_, i) => `d${i}`).join("/");
    mkdirSync(join(root, "tree", deep), { recursive: true });
    for (let i = 0; i < 60; i++) {
      mkdirSync(join(root, `tree/w${i}`));
      writeFileSync(beneath.place(`w${i}/f`), "");
      writeFileSync(beneath.place(`${deep}/f${i}`), "");
    }
    expect(descriptors() - before).toBeLessThanOrEqual(24);
    beneath.close();
    expect(descriptors()).toBe(before - 1);
    beneath = new Beneath(root);
  });
});
