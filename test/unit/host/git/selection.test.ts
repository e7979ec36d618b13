import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type SelectOptions, selectTree } from "../../../../src/host/selection/select.js";
import { commitAll, describeGit, git } from "../../../support/git.js";
import { fill, hostDirectory, hostFiles } from "../../../support/scratch.js";

async function selected(directory: string, options: SelectOptions = {}): Promise<string[]> {
  const { entries } = await selectTree(directory, { gitignore: true, git: false, ...options });
  return entries
    .filter(({ type }) => type !== "directory")
    .map(({ path }) => path.toString())
    .sort();
}

/** What git has of a directory, without what is deleted. */
function known(directory: string): string[] {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const names = new Set(
    git(directory, ...list)
      .split("\0")
      .filter(Boolean),
  );
  return [...names].filter((name) => fs.existsSync(join(directory, name))).sort();
}

const files = {
  ".gitignore": "dist/\n*.log\n/deep/x\n!keep.log\n",
  "dist/index.js": "1",
  "dist/untracked.js": "1",
  "dist/sub/deep.js": "1",
  "test/fixture.log": "1",
  "test/other.log": "1",
  "keep.log": "1",
  "deep/x/tracked": "1",
  "deep/x/untracked": "1",
  "node_modules/a/index.js": "1",
  "src/node_modules/fixture/index.js": "1",
  "é \n odd": "1",
  "packages/.gitignore": "*.tmp\n/app/out\n",
  "packages/app/.gitignore": "!important.tmp\n",
  "packages/app/important.tmp": "1",
  "packages/app/a.tmp": "1",
  "packages/app/out/x": "1",
  "packages/app/out/tracked": "1",
  "packages/app/b.log": "1",
  "packages/app/excluded": "1",
  "packages/app/main.js": "1",
};
const tracked = [
  ...["dist/index.js", "dist/sub/deep.js", "test/fixture.log", "deep/x/tracked", "keep.log"],
  ...["packages/app/out/tracked", "packages/app/main.js", "src/node_modules/fixture/index.js"],
];

async function repository(...initOptions: string[]): Promise<string> {
  const directory = await hostFiles(files);
  git(directory, "init", "-q", ...initOptions);
  git(directory, "add", "-f", ...tracked);
  await fill(directory, { ".git/info/exclude": "excluded\n" });
  return directory;
}

await describeGit("what git has of a directory", () => {
  const formats: [string, (directory: string) => void, string[]][] = [
    ["an index of version 2", () => {}, []],
    ["version 3", (directory) => git(directory, "add", "-N", "packages/.gitignore"), []],
    ["version 4", (directory) => git(directory, "update-index", "--index-version", "4"), []],
    ["hashes of 32 bytes", () => {}, ["--object-format=sha256"]],
    [
      "a split index",
      (directory) => {
        git(directory, "config", "splitIndex.maxPercentChange", "100");
        git(directory, "update-index", "--split-index");
        git(directory, "add", "-f", "packages/app/b.log", "test/other.log");
        git(directory, "rm", "-q", "--cached", "dist/index.js");
      },
      [],
    ],
  ];
  test.each(formats)("is selected: %s", async (name, change, initOptions) => {
    const directory = await repository(...initOptions);
    change(directory);
    const expected = known(directory);
    // What a split index takes out of the one it stands on is brought too: better one file too many.
    if (name === "a split index") expected.push("dist/index.js");
    expect(await selected(directory)).toEqual(expected.sort());
    expect(await selected(directory)).toContain("dist/sub/deep.js");
    expect(await selected(directory)).not.toContain("dist/untracked.js");
  });

  test("is selected in a directory below its root, by the rules above it", async () => {
    const directory = await repository();
    const app = join(directory, "packages/app");
    expect(await selected(app)).toEqual(known(app));
    expect(await selected(app)).toEqual([".gitignore", "important.tmp", "main.js", "out/tracked"]);
  });

  test("is all of it where the repository above ignores the directory itself", async () => {
    const directory = await hostFiles({ ".gitignore": "candidates/\n*.js\n", "candidates/a/main.js": "1" });
    git(directory, "init", "-q");
    expect(await selected(join(directory, "candidates/a"))).toEqual(["main.js"]);
  });

  test("comes along from directories that are left out, unless an operator left them out", async () => {
    const directory = await repository();
    const excludeUntracked = ["**/node_modules"];
    const paths = await selected(directory, { excludeUntracked });
    expect(paths).toContain("src/node_modules/fixture/index.js");
    expect(paths).not.toContain("node_modules/a/index.js");
    expect(await selected(directory, { exclude: ["**/node_modules"] })).not.toContain(
      "src/node_modules/fixture/index.js",
    );
  });

  test("is not looked up behind links, nor in a gitdir that lies elsewhere", async () => {
    const other = await repository();
    const linked = await hostFiles(files);
    fs.symlinkSync(join(other, ".git"), join(linked, ".git"));
    expect(await selected(linked)).not.toContain("dist/index.js");
    const pointing = await hostFiles({ ...files, ".git": `gitdir: ${join(other, ".git")}\n` });
    expect(await selected(pointing)).not.toContain("dist/index.js");
    const behind = await hostFiles({ ".gitignore": "dist\n", "a/b": "" });
    commitAll(behind);
    fs.rmSync(join(behind, ".git/index"));
    fs.symlinkSync(join(other, ".git/index"), join(behind, ".git/index"));
    await fill(behind, { "dist/index.js": "1" });
    expect(await selected(behind)).toEqual([".gitignore", "a/b"]);
  });

  test("is never what lies behind a link that took a tracked directory's place", async () => {
    const outside = await hostFiles({ "index.js": "secret" });
    const directory = await repository();
    fs.rmSync(join(directory, "dist"), { recursive: true });
    fs.symlinkSync(outside, join(directory, "dist"));
    expect((await selected(directory)).filter((path) => path.startsWith("dist/"))).toEqual([]);
  });
});

describe("an index that nobody has reviewed", () => {
  const rest = "so what git tracks although .gitignore names it is left out";
  const project = { ".gitignore": "dist/\n", "dist/a": "1", src: "1", ".git/HEAD": "ref: refs/heads/main\n" };

  test.each<[string, Buffer]>([
    ["is cut off", index(2, [entry("dist/a")]).subarray(0, 60)],
    ["says that it has more entries than bytes", index(2, [entry("dist/a")], 900_000)],
    ["says that it has four billion entries", index(2, [entry("dist/a")], 0xffffffff)],
    ["is of a version that doesn't exist", index(9, [entry("dist/a")])],
    ["is not sorted", index(2, [entry("dist/b"), entry("dist/a")])],
    ["has a name without an end", index(2, [Buffer.concat([Buffer.alloc(62), Buffer.alloc(5000, 97)])])],
    ["takes more from a name than it has", index(4, [compressed(0, "a"), compressed(9, "b")])],
    ["has four megabytes of names that come out as gigabytes", bomb()],
    ["is no index at all", Buffer.from("hello".repeat(100))],
  ])("that %s is said, and the rest is selected", async (_, content) => {
    const directory = await hostFiles(project);
    fs.writeFileSync(join(directory, ".git/index"), content);
    const { entries, skipped } = await selectTree(directory, { gitignore: true, git: false });
    expect(entries.map(({ path }) => path.toString())).toEqual([".gitignore", "src"]);
    expect(skipped).toEqual([{ path: ".git/index", reason: `it is no index that forkbox knows, ${rest}` }]);
  });

  test("that is too large is said, without reading it", async () => {
    const directory = await hostFiles(project);
    fs.writeFileSync(join(directory, ".git/index"), "DIRC");
    fs.truncateSync(join(directory, ".git/index"), 1024 ** 4);
    const { skipped } = await selectTree(directory, { gitignore: true, git: false });
    expect(skipped).toEqual([{ path: ".git/index", reason: `it is larger than 128 MiB, ${rest}` }]);
  });

  test("names nothing outside: its names are only looked up for what was found", async () => {
    const names = ["../secret", "/etc/passwd", "a/../../secret", "dist/a", "dist/link/passwd", ".git/config"];
    const directory = await hostFiles({ "project/.gitignore": "dist/\n", "project/dist/a": "", secret: "x" });
    const inside = join(directory, "project");
    await fill(inside, { ".git/HEAD": "ref: refs/heads/main\n", ".git/config": "[core]\n" });
    fs.symlinkSync("/etc", join(inside, "dist/link"));
    fs.writeFileSync(join(inside, ".git/index"), index(2, names.sort().map(entry)));
    expect(await selected(inside)).toEqual([".gitignore", "dist/a"]);
  });

  test("of a million entries is looked up all the same", async () => {
    const directory = await hostFiles(project);
    const one = entry("dist/0000000");
    const all = Buffer.alloc(one.length * 999_999, one);
    for (let at = 0; at < 999_999; at += 1)
      all.write(String(at).padStart(7, "0"), at * one.length + 67, "latin1");
    fs.writeFileSync(join(directory, ".git/index"), index(2, [all, entry("dist/a")], 1_000_000));
    expect(await selected(directory)).toEqual([".gitignore", "dist/a", "src"]);
  });

  test("that is a pipe or a device is no index", async () => {
    const directory = await hostDirectory();
    await fill(directory, project);
    fs.mkdirSync(join(directory, ".git/index"));
    expect(await selected(directory)).toEqual([".gitignore", "src"]);
  });
});

function entry(name: string): Buffer {
  const bytes = Buffer.from(name, "latin1");
  const padded = (62 + bytes.length + 8) & ~7;
  const all = Buffer.alloc(padded);
  all.writeUInt16BE(Math.min(bytes.length, 0xfff), 60);
  bytes.copy(all, 62);
  return all;
}

/** Of version 4: how much of the name before it goes, and what comes instead. */
function compressed(strip: number, suffix: string): Buffer {
  return Buffer.concat([Buffer.alloc(62), Buffer.from([strip]), Buffer.from(`${suffix}\0`, "latin1")]);
}

/** Each name is the one before with its last letter after it: 4,000 letters from one byte. */
function bomb(): Buffer {
  const first = compressed(0, "a".repeat(4000));
  const next = (at: number) => {
    const [high, low] = [(at >> 8) & 0xff, at & 0xff].map((byte) =>
      String.fromCharCode(97 + (byte >> 4), 97 + (byte & 15)),
    );
    return compressed(4, `${high}${low}`);
  };
  return index(4, [first, compressed(0, "aaaa"), ...Array.from({ length: 60_000 }, (_, at) => next(at))]);
}

function index(version: number, entries: Buffer[], count = entries.length): Buffer {
  const header = Buffer.alloc(12);
  header.write("DIRC");
  header.writeUInt32BE(version, 4);
  header.writeUInt32BE(count, 8);
  return Buffer.concat([header, ...entries, Buffer.alloc(20)]);
}
