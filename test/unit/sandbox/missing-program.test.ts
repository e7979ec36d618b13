import { expect, test } from "vitest";
import { missingProgram } from "../../../src/sandbox/missing-program.js";

test.each([
  ["forkbox", "cargo: not found"],
  ["dash", "sh: 1: cargo: not found\n"],
  ["bash", "bash: line 1: cargo: command not found\n"],
  ["a script of npm", "> build\n> cargo build\n\nsh: 1: cargo: not found\nnpm error code 127\n"],
  ["env", "/usr/bin/env: ‘cargo’: No such file or directory\n"],
  ["make", "make: cargo: No such file or directory\nmake: *** [Makefile:2: a] Error 127\n"],
  ["Node", "Error: spawn cargo ENOENT\n    at ChildProcess\n"],
  ["Go", 'exec: "cargo": executable file not found in $PATH\n'],
  ["Python", "FileNotFoundError: [Errno 2] No such file or directory: 'cargo'\n"],
])("what %s says of a program that is not there is understood", (_, output) => {
  expect(missingProgram(output)).toBe("cargo");
});

test.each(["", "cat: a/b: No such file or directory", "Error: module not found", "./x/y: not found"])(
  "%j names no program",
  (output) => expect(missingProgram(output)).toBeUndefined(),
);
