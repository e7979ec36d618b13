import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { selectTree } from "../../../src/host/selection/select.js";
import type { RefreshOptions } from "../../../src/options.js";
import { rejection, temporaryDirectory } from "../../support/host-tree.js";

let host: string;

beforeEach(() => {
  host = temporaryDirectory();
});

function put(path: string, content = ""): void {
  fs.mkdirSync(join(host, path, ".."), { recursive: true });
  fs.writeFileSync(join(host, path), content);
}

async function selected(options: RefreshOptions = {}): Promise<string[]> {
  return (await selectTree(host, options)).entries.map(({ path }) => path.toString()).sort();
}

describe("a selection", () => {
  test("lists files, directories and links with their modes, parents first, and sums up bytes", async () => {
    put("a/b/file", "12345");
    fs.mkdirSync(join(host, "empty"));
    fs.symlinkSync("/etc", join(host, "link"));
    fs.chmodSync(join(host, "a/b/file"), 0o4755);
    fs.chmodSync(join(host, "empty"), 0o3700);
    const { entries, bytes, skipped } = await selectTree(host, {});
    const shown = entries.map(({ path, type, mode }) => `${path} ${type} ${mode.toString(8)}`);
    expect(shown.filter((line) => !line.includes("symlink"))).toEqual([
      "a directory 755",
      "empty directory 1700",
      "a/b directory 755",
      "a/b/file file 755",
    ]);
    expect(entries.find(({ type }) => type === "symlink")).toMatchObject({
      path: Buffer.from("link"),
      size: 4,
    });
    expect([bytes, skipped]).toEqual([5, []]);
  });

  test("does not follow links, but may start at one", async () => {
    const elsewhere = temporaryDirectory();
    fs.writeFileSync(join(elsewhere, "secret"), "");
    fs.symlinkSync(elsewhere, join(host, "out"));
    expect(await selected()).toEqual(["out"]);
    const { entries, source } = await selectTree(join(host, "out"), {});
    expect(entries.map(({ path }) => path.toString())).toEqual(["secret"]);
    expect(source).toBe(join(host, "out"));
  });

  test("keeps names that are not UTF-8", async () => {
    const name = Buffer.from([0x61, 0xff, 0x0a, 0x62]);
    fs.mkdirSync(Buffer.concat([Buffer.from(`${host}/`), name]));
    fs.writeFileSync(Buffer.concat([Buffer.from(`${host}/`), name, Buffer.from("/"), name]), "");
    const { entries } = await selectTree(host, { include: ["**"], gitignore: true });
    const slash = Buffer.from("/");
    expect(entries.map(({ path }) => path.toString("hex"))).toEqual(
      [name, Buffer.concat([name, slash, name])].map((path) => path.toString("hex")),
    );
  });

  test("skips FIFOs and sockets with their reason", async () => {
    execFileSync("mkfifo", [join(host, "pipe")]);
    expect(await selectTree(host, {})).toMatchObject({
      entries: [],
      skipped: [{ path: "pipe", reason: "it is a FIFO" }],
    });
  });

  test("stamps change with content and time stamps, and only then", async () => {
    put("file", "one");
    const stamp = async (): Promise<string | undefined> => (await selectTree(host, {})).entries[0]?.stamp;
    const first = await stamp();
    expect(await stamp()).toBe(first);
    const { atime, mtime } = fs.statSync(join(host, "file"));
    fs.writeFileSync(join(host, "file"), "two");
    fs.utimesSync(join(host, "file"), atime, mtime);
    expect(await stamp()).not.toBe(first);
  });
});

describe("a host directory that can't be imported", () => {
  test("is NOT_FOUND, NOT_A_DIRECTORY or INVALID_ARGUMENT", async () => {
    put("file");
    const code = async (path: string): Promise<string> => (await rejection(selectTree(path, {}))).code;
    expect(await code(join(host, "none"))).toBe("NOT_FOUND");
    expect(await code(join(host, "file"))).toBe("NOT_A_DIRECTORY");
    expect(await code(join(host, "file/below"))).toBe("NOT_A_DIRECTORY");
    expect(await code("")).toBe("INVALID_ARGUMENT");
  });

  test("is PERMISSION naming the file or directory that can't be read", async (context) => {
    if (process.geteuid?.() === 0) return context.skip("root can read everything");
    put("dir/locked");
    fs.chmodSync(join(host, "dir/locked"), 0o000);
    const file = join(host, "dir/locked");
    expect(await rejection(selectTree(host, {}))).toMatchObject({ code: "PERMISSION", path: file });
    expect(await selected({ exclude: ["dir/locked"] })).toEqual(["dir"]);
    fs.chmodSync(join(host, "dir"), 0o000);
    expect(await rejection(selectTree(host, {}))).toMatchObject({
      code: "PERMISSION",
      path: join(host, "dir"),
    });
    fs.chmodSync(join(host, "dir"), 0o755);
  });

  test("is ABORTED with the reason as its cause", async () => {
    const error = await rejection(selectTree(host, { signal: AbortSignal.abort("why") }));
    expect(error).toMatchObject({ code: "ABORTED", operation: "refreshFromHost", cause: "why" });
  });
});

describe("include and exclude", () => {
  beforeEach(() => {
    for (const path of ["src/a.ts", "src/a.js", "src/.hidden", "node_modules/x/i.js", "pkg/node_modules/y"])
      put(path);
    fs.mkdirSync(join(host, "empty"));
  });
  const cases: [string, RefreshOptions, string[]][] = [
    [
      "a name at the top",
      { exclude: ["node_modules", "src", "empty"] },
      ["pkg", "pkg/node_modules", "pkg/node_modules/y"],
    ],
    [
      "a name at any depth",
      { exclude: ["**/node_modules", "src/*.js"] },
      ["empty", "pkg", "src", "src/.hidden", "src/a.ts"],
    ],
    [
      "a directory stands for all in it",
      { include: ["src/"] },
      ["src", "src/.hidden", "src/a.js", "src/a.ts"],
    ],
    [
      "exclude wins over include",
      { include: ["src"], exclude: ["**/*.js"] },
      ["src", "src/.hidden", "src/a.ts"],
    ],
    ["directories come only with what is in them", { include: ["**/*.ts"] }, ["src", "src/a.ts"]],
    ["an empty directory comes when it is named", { include: ["empt?"] }, ["empty"]],
    ["braces and a leading ./", { include: ["./src/*.{ts,js}"] }, ["src", "src/a.js", "src/a.ts"]],
    ["nothing matches", { include: ["lib/**"] }, []],
  ];
  test.each(cases)("%s", async (_, options, expected) => {
    expect(await selected(options)).toEqual(expected);
  });
});
