import { join } from "node:path";
import type { ErrorCode } from "../../src/errors.js";
import type { FileToWrite } from "../../src/options.js";
import type { Sandbox } from "../../src/sandbox/sandbox.js";

/** What an operation was given, what comes of it. */
export type Case = [what: string, code: ErrorCode, act: (sandbox: Sandbox, host: string) => unknown];

const wrong = (value: unknown) => value as never;

export const commands: Case[] = [
  ["an empty command", "INVALID_ARGUMENT", (s) => s.exec("")],
  ["a command of blanks", "INVALID_ARGUMENT", (s) => s.exec("  \n")],
  ["an empty list", "INVALID_ARGUMENT", (s) => s.exec([])],
  ["a list that starts with nothing", "INVALID_ARGUMENT", (s) => s.exec([""])],
  ["a command that is a number", "INVALID_ARGUMENT", (s) => s.exec(wrong(7))],
  ["no command", "INVALID_ARGUMENT", (s) => s.exec(wrong(undefined))],
  ["a command that is an object", "INVALID_ARGUMENT", (s) => s.exec(wrong({ run: "touch ran" }))],
  ["a list with a number in it", "INVALID_ARGUMENT", (s) => s.exec(wrong(["touch", 7]))],
  ["a NUL byte in a command", "INVALID_ARGUMENT", (s) => s.exec("touch ran\0")],
  ["a NUL byte in an argument", "INVALID_ARGUMENT", (s) => s.exec(["touch", "r\0an"])],
  ["an env name that is empty", "INVALID_ARGUMENT", (s) => s.exec("touch ran", { env: { "": "x" } })],
  ["an env name with =", "INVALID_ARGUMENT", (s) => s.exec("touch ran", { env: { "A=B": "x" } })],
  ["an env name with NUL", "INVALID_ARGUMENT", (s) => s.exec("touch ran", { env: { "A\0": "x" } })],
  ["an env value with NUL", "INVALID_ARGUMENT", (s) => s.exec("touch ran", { env: { A: "x\0y" } })],
  ["an env value that is a number", "INVALID_ARGUMENT", (s) => s.exec("touch ran", { env: wrong({ A: 7 }) })],
  [
    "a secret's name with =",
    "INVALID_ARGUMENT",
    (s) => s.exec("touch ran", { secrets: { "A=": "secret-value" } }),
  ],
  ["a cwd with NUL", "INVALID_ARGUMENT", (s) => s.exec("touch ran", { cwd: "a\0b" })],
  ["a cwd above the root", "INVALID_ARGUMENT", (s) => s.exec("touch ran", { cwd: "../../.." })],
  ["a cwd that is a number", "INVALID_ARGUMENT", (s) => s.exec("touch ran", { cwd: wrong(7) })],
  ["an unknown encoding", "INVALID_ARGUMENT", (s) => s.exec("touch ran", { encoding: wrong("latin1") })],
  ["stdin that is a number", "INVALID_ARGUMENT", (s) => s.exec("touch ran", { stdin: wrong(7) })],
  [
    "a callback that is no function",
    "INVALID_ARGUMENT",
    (s) => s.exec("touch ran", { onStdout: wrong("log") }),
  ],
  ["a signal that is none", "INVALID_ARGUMENT", (s) => s.exec("touch ran", { signal: wrong({}) })],
  ["a cwd that is missing", "NOT_FOUND", (s) => s.exec("touch /workspace/ran", { cwd: "missing" })],
  ["a cwd that is a file", "NOT_A_DIRECTORY", (s) => s.exec("touch /workspace/ran", { cwd: "file" })],
];

export const paths: Case[] = ["", "a\0b", "../../etc/passwd", "/..", "/../x", "x/../../../y"].flatMap(
  (path): Case[] => {
    const shown = JSON.stringify(path);
    return [
      [`writeFile to ${shown}`, "INVALID_ARGUMENT", (s) => s.writeFile(path, "x")],
      [
        `writeFiles to ${shown}`,
        "INVALID_ARGUMENT",
        (s) =>
          s.writeFiles([
            { path: "ok", data: "" },
            { path, data: "" },
          ]),
      ],
      [`readFile of ${shown}`, "INVALID_ARGUMENT", (s) => s.readFile(path)],
      [`readTextFile of ${shown}`, "INVALID_ARGUMENT", (s) => s.readTextFile(path)],
      [`deleteFile of ${shown}`, "INVALID_ARGUMENT", (s) => s.deleteFile(path, { recursive: true })],
      [`makeDirectory of ${shown}`, "INVALID_ARGUMENT", (s) => s.makeDirectory(path)],
      [`listDirectory of ${shown}`, "INVALID_ARGUMENT", (s) => s.listDirectory(path)],
      [`stat of ${shown}`, "INVALID_ARGUMENT", (s) => s.stat(path)],
      [`setWorkdir to ${shown}`, "INVALID_ARGUMENT", (s) => s.setWorkdir(path)],
      [`refreshFromHost to ${shown}`, "INVALID_ARGUMENT", (s, host) => s.refreshFromHost(host, path)],
      [`exportDirectory of ${shown}`, "INVALID_ARGUMENT", (s, host) => s.exportDirectory(path, host)],
    ];
  },
);

export const files: Case[] = [
  ["a path that is no string", "INVALID_ARGUMENT", (s) => s.writeFile(wrong(7), "x")],
  ["data that is a number", "INVALID_ARGUMENT", (s) => s.writeFile("new", wrong(7))],
  ["data that is missing", "INVALID_ARGUMENT", (s) => s.writeFile("new", wrong(undefined))],
  ["data that is an array", "INVALID_ARGUMENT", (s) => s.writeFile("new", wrong([1, 2]))],
  ["a mode that is negative", "INVALID_ARGUMENT", (s) => s.writeFile("new", "x", { mode: -1 })],
  ["a mode that is too large", "INVALID_ARGUMENT", (s) => s.writeFile("new", "x", { mode: 0o100644 })],
  ["a mode that is text", "INVALID_ARGUMENT", (s) => s.writeFile("new", "x", { mode: wrong("755") })],
  ["writeFiles of no list", "INVALID_ARGUMENT", (s) => s.writeFiles(wrong({ path: "new", data: "x" }))],
  [
    "writeFiles with a hole",
    "INVALID_ARGUMENT",
    (s) => s.writeFiles([{ path: "new", data: "x" }, wrong(null)]),
  ],
  [
    "writeFiles, the last without data",
    "INVALID_ARGUMENT",
    (s) => s.writeFiles([okFile, wrong({ path: "b" })]),
  ],
  ["the root as a file", "NOT_A_FILE", (s) => s.writeFile("/", "x")],
  ["deleting the root", "INVALID_ARGUMENT", (s) => s.deleteFile("/", { recursive: true })],
  ["a file where a directory belongs", "NOT_A_DIRECTORY", (s) => s.writeFile("file/below", "x")],
  ["a directory where a file belongs", "NOT_A_FILE", (s) => s.writeFile("dir", "x")],
  ["reading a directory", "NOT_A_FILE", (s) => s.readFile("dir")],
  ["listing a file", "NOT_A_DIRECTORY", (s) => s.listDirectory("file")],
  ["a directory over a file", "NOT_A_DIRECTORY", (s) => s.makeDirectory("file")],
  ["a missing file", "NOT_FOUND", (s) => s.readFile("missing")],
  ["deleting a missing file", "NOT_FOUND", (s) => s.deleteFile("missing")],
];
export const okFile: FileToWrite = { path: "ok", data: "x" };

export const boundary: Case[] = [
  [
    "a missing host directory",
    "NOT_FOUND",
    (s, host) => s.refreshFromHost(join(host, "missing"), "/workspace"),
  ],
  [
    "a host file for a directory",
    "NOT_A_DIRECTORY",
    (s, host) => s.refreshFromHost(join(host, "f"), "/workspace"),
  ],
  ["an import onto a file", "NOT_A_DIRECTORY", (s, host) => s.refreshFromHost(host, "file")],
  ["an empty host path", "INVALID_ARGUMENT", (s) => s.refreshFromHost("", "/workspace")],
  ["a host path with NUL", "INVALID_ARGUMENT", (s) => s.refreshFromHost("/tmp\0", "/workspace")],
  [
    "an include that is text",
    "INVALID_ARGUMENT",
    (s, host) => s.refreshFromHost(host, ".", { include: wrong("*") }),
  ],
  [
    "an exclude with a number",
    "INVALID_ARGUMENT",
    (s, host) => s.refreshFromHost(host, ".", { exclude: wrong([7]) }),
  ],
  ["an export of a missing directory", "NOT_FOUND", (s, host) => s.exportDirectory("missing", host)],
  ["an export of a file", "NOT_A_DIRECTORY", (s, host) => s.exportDirectory("file", host)],
  ["an export onto a host file", "NOT_A_DIRECTORY", (s, host) => s.exportDirectory("dir", join(host, "f"))],
  ["an export to nowhere", "INVALID_ARGUMENT", (s) => s.exportDirectory("dir", "")],
  ["an export to a path with NUL", "INVALID_ARGUMENT", (s) => s.exportDirectory("dir", "/tmp\0")],
];

export const creations: [string, ErrorCode, unknown][] = [
  ["an unknown engine", "INVALID_ARGUMENT", { engine: "docker" }],
  ["an engine that is a number", "INVALID_ARGUMENT", { engine: 7 }],
  ["an unknown base", "INVALID_ARGUMENT", { base: { vm: "x" } }],
  ["a base of two kinds", "INVALID_ARGUMENT", { base: { rootfs: "/", image: "x" } }],
  ["a base that is text", "INVALID_ARGUMENT", { base: "alpine" }],
  ["an empty image", "INVALID_ARGUMENT", { base: { image: "" } }],
  ["an unknown user", "INVALID_ARGUMENT", { user: "admin" }],
  ["a relative workdir", "INVALID_ARGUMENT", { workdir: "here" }],
  ["a workdir above the root", "INVALID_ARGUMENT", { workdir: "/../x" }],
  ["a workdir with NUL", "INVALID_ARGUMENT", { workdir: "/a\0b" }],
  ["an env name with =", "INVALID_ARGUMENT", { env: { "A=B": "x" } }],
  ["an env name that is empty", "INVALID_ARGUMENT", { env: { "": "x" } }],
  ["an env value that is a number", "INVALID_ARGUMENT", { env: { A: 7 } }],
  ["a secret that is a number", "INVALID_ARGUMENT", { secrets: { A: 7 } }],
  ["a timeout of NaN", "INVALID_ARGUMENT", { timeoutMs: Number.NaN }],
  ["a negative timeout", "INVALID_ARGUMENT", { timeoutMs: -5 }],
  ["an unknown network", "INVALID_ARGUMENT", { network: "bridge" }],
  ["read-only paths that are text", "INVALID_ARGUMENT", { readOnlyPaths: "*.lock" }],
  ["a cache at a relative path", "INVALID_ARGUMENT", { caches: { npm: "cache" } }],
  ["a cache within another", "INVALID_ARGUMENT", { caches: { one: "/a/b", two: "/a" } }],
  ["two caches at one path", "INVALID_ARGUMENT", { caches: { one: "/a", two: "/a/" } }],
  ["a cache with a name that is a path", "INVALID_ARGUMENT", { caches: { "../up": "/cache" } }],
  ["an option that does not exist", "INVALID_ARGUMENT", { timeout: 5 }],
];
