import { describe, expect, it } from "vitest";
import { absolutePath, checkPath } from "../../../src/arguments/paths.js";
import { SandboxError } from "../../../src/errors.js";

describe("sandbox paths", () => {
  it.each([
    ["a", "/workspace/a"],
    ["./a//b/", "/workspace/a/b"],
    [".", "/workspace"],
    ["..", "/"],
    ["../etc", "/etc"],
    ["/", "/"],
    ["/a/./b/../c", "/a/c"],
    ["//a", "/a"],
    ["...", "/workspace/..."],
    ["-rf", "/workspace/-rf"],
    ["a\nb c", "/workspace/a\nb c"],
    ["x".repeat(255), `/workspace/${"x".repeat(255)}`],
    ["é".repeat(127), `/workspace/${"é".repeat(127)}`],
  ])("%j from /workspace is %j", (path, expected) => {
    checkPath(path, "test");
    expect(absolutePath("/workspace", path, "test")).toBe(expected);
  });

  it.each(["../..", "../../etc", "a/../../../b", "x".repeat(256), "é".repeat(128)])(
    "%j is refused",
    (path) => {
      expect(() => absolutePath("/workspace", path, "readFile")).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT", operation: "readFile", path }),
      );
    },
  );

  it.each(["", "a\0b", "/..", "/a/../..", 7, undefined, null, {}])(
    "%j is refused whatever the workdir is",
    (path) => {
      expect(() => checkPath(path, "readFile")).toThrow(SandboxError);
    },
  );
});
