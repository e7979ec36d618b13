import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SandboxError } from "../../../src/errors.js";
import { compileGlobs } from "../../../src/host/selection/globs.js";
import { selectTree } from "../../../src/host/selection/select.js";
import { temporaryDirectory } from "../../support/host-tree.js";

const source = { operation: "refreshFromHost", option: "exclude" };

describe("globs", () => {
  test("cover what is in a directory that matches", () => {
    const globs = compileGlobs(["dist", "**/*.log", "a/**/z"], source);
    for (const path of ["dist", "dist/x/y", "x.log", "d/x.log/below", "a/z", "a/b/c/z/d"]) {
      expect([path, globs.covers(path)]).toEqual([path, true]);
    }
    for (const path of ["src/dist", "dist2", "a", "x.log2"])
      expect([path, globs.covers(path)]).toEqual([path, false]);
  });

  test.each(["", "/etc", "../x", "a/../../x", "!a", "a\0"])("%j is refused, naming the option", (pattern) => {
    const compile = (): unknown => compileGlobs([pattern], source);
    expect(compile).toThrow(SandboxError);
    expect(compile).toThrow(/^refreshFromHost: exclude: /);
  });

  test("from a hostile project can't keep the process busy", async () => {
    const directory = temporaryDirectory();
    const deep = join(directory, ..."a".repeat(100));
    fs.mkdirSync(deep, { recursive: true });
    fs.writeFileSync(join(deep, `${"a".repeat(200)}b`), "");
    const globstars = `${"**/a/".repeat(12)}c`;
    const stars = `${"*a".repeat(40)}*c`;
    fs.writeFileSync(join(directory, ".gitignore"), `${globstars}\n${stars}\n`);
    const exclude = [globstars, stars, `+(+(a|aa)+)${"?".repeat(50)}`];
    const { entries } = await selectTree(directory, { gitignore: true, exclude });
    expect(entries).toHaveLength(102);
  }, 10_000);
});

describe("globs that nobody has reviewed", () => {
  test.each([
    ["brackets", ["[".repeat(20_000)]],
    ["nested braces", [`${"{a,".repeat(1000)}b${"}".repeat(1000)}`]],
    ["braces that stand for more than can be matched", ["{a,b}".repeat(20)]],
    ["groups", ["!(a)".repeat(250)]],
    ["too many with wildcards", Array.from({ length: 5000 }, (_, index) => `src/file-${index}*.ts`)],
  ])("%s are refused, naming the option", (_, globs) => {
    expect(() => compileGlobs(globs, source)).toThrow(/^refreshFromHost: exclude: the glob ".{1,110} /);
  });

  test("are any number without wildcards", () => {
    const globs = compileGlobs(
      Array.from({ length: 50_000 }, (_, index) => `src/file-${index}.ts`),
      source,
    );
    expect([globs.matches("src/file-49999.ts"), globs.matches("src/file-50000.ts")]).toEqual([true, false]);
    expect([globs.mayMatchBelow("src"), globs.mayMatchBelow("test")]).toEqual([true, false]);
  });
});

describe("gitignore", () => {
  const files = Array.from({ length: 300 }, (_, index) => `gen-${index}-file.txt`);
  const rules = (rule: (index: number) => string) => Array.from({ length: 60_000 }, (_, at) => rule(at));

  test.each([
    ["plain names", rules((at) => (at < 10 ? `gen-${at}-file.txt` : `other-${at}`)), 10],
    ["a beginning and an end", rules((at) => `gen-${at}-*.txt`), 300],
    ["paths", rules((at) => `**/d${at}/**`), 0],
    ["one class that never ends", ["[".repeat(500_000)], 0],
    ["one class of many colons", [`[${"[:".repeat(200_000)}]`], 0],
    ["stars before what is not there", ["*e".repeat(100_000)], 0],
  ])("of many rules or a hostile one is matched in bounded work: %s", async (_, lines, left) => {
    const directory = temporaryDirectory();
    for (const file of files) fs.writeFileSync(join(directory, file), "");
    fs.writeFileSync(join(directory, ".gitignore"), lines.join("\n"));
    const { entries } = await selectTree(directory, { gitignore: true });
    expect(entries).toHaveLength(files.length + 1 - left);
  });

  test("whose rules must all be tried on every name is LIMIT", async () => {
    const directory = temporaryDirectory();
    for (const file of files) fs.writeFileSync(join(directory, file), "");
    fs.writeFileSync(join(directory, ".gitignore"), rules((at) => `*${at}-f*e`.slice(0, -1)).join("\n"));
    await expect(selectTree(directory, { gitignore: true })).rejects.toMatchObject({ code: "LIMIT" });
  });

  test("that is a pipe is not waited for", async () => {
    const directory = temporaryDirectory();
    execFileSync("mkfifo", [join(directory, ".gitignore")]);
    const { skipped } = await selectTree(directory, { gitignore: true });
    expect(skipped).toEqual([{ path: ".gitignore", reason: "it is a FIFO" }]);
  });

  test("leaves out what git leaves out, in random trees with nested, negated and anchored rules", async (context) => {
    if (spawnSync("git", ["--version"]).status !== 0)
      return context.skip("git is not installed to compare with");
    for (let seed = 1; seed <= 25; seed += 1) {
      const directory = temporaryDirectory();
      growTree(directory, randomNumbers(seed));
      const { entries } = await selectTree(directory, { gitignore: true });
      const files = entries.filter(({ type }) => type === "file").map(({ path }) => path.toString());
      execFileSync("git", ["init", "--quiet", directory]);
      const list = ["-C", directory, "ls-files", "-z", "--others", "--exclude-per-directory=.gitignore"];
      const expected = execFileSync("git", list).toString().split("\0").filter(Boolean);
      expect({ seed, files: files.sort() }).toEqual({ seed, files: expected.sort() });
    }
  });

  test("brings .git along, which is the caller's to exclude, and does not follow a linked .gitignore", async () => {
    const directory = temporaryDirectory();
    fs.mkdirSync(join(directory, ".git"));
    fs.writeFileSync(join(directory, "rules"), "*\n");
    fs.symlinkSync("rules", join(directory, ".gitignore"));
    const { entries } = await selectTree(directory, { gitignore: true });
    expect(entries.map(({ path }) => path.toString()).sort()).toEqual([".git", ".gitignore", "rules"]);
  });
});

type Random = (below: number) => number;

/** The same numbers for the same seed, so that a failure can be repeated. */
function randomNumbers(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

const NAMES = ["a", "b", "ab", ".x", "foo", "foo.js", "a b", "é", "#h", "!n", "dist", "x]y", "a\\b"];
const PARTS = [
  "a",
  "b",
  "*",
  "**",
  "?",
  "foo",
  "*.js",
  "[ab]",
  "[!a]",
  "[^b]*",
  "a*",
  "*b",
  ".x",
  "dist",
  "é",
];
const ODD_PARTS = [
  "\\#h",
  "\\!n",
  "x]y",
  "{a,b}",
  "a\\ b",
  "a b",
  "a\\\\b",
  "+(a)",
  "[[:alpha:]]*",
  "[]x]*",
  "[a-",
  "a[x/]b",
  "[!]a]",
  "[\\]b]*",
  "**a",
  "a**",
  "***",
  "[[:x:]]",
  "[b-",
  "*o*o*",
];

function growTree(directory: string, random: Random, depth = 0): void {
  for (const name of NAMES) {
    if (random(3) > 0) continue;
    const path = join(directory, name);
    if (depth === 3 || random(2) === 0) fs.writeFileSync(path, "");
    else {
      fs.mkdirSync(path);
      growTree(path, random, depth + 1);
    }
  }
  if (depth > 0 && random(3) > 0) return;
  const lines = Array.from({ length: 1 + random(4) }, () => randomRule(random));
  fs.writeFileSync(join(directory, ".gitignore"), `${lines.join("\n")}\n`);
}

function randomRule(random: Random): string {
  const pick = (from: readonly string[]): string => from[random(from.length)] as string;
  const parts = Array.from({ length: 1 + random(3) }, () => pick(random(3) > 0 ? PARTS : ODD_PARTS));
  return (
    pick(["", "", "", "!"]) +
    pick(["", "", "/"]) +
    parts.join("/") +
    pick(["", "", "/"]) +
    pick(["", " ", "\\ "])
  );
}
