import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { EngineUnderTest } from "../support/engines.js";
import { expectCode } from "../support/errors.js";
import { prepare } from "../support/prepared.js";
import { hostDirectory, hostTree } from "../support/scratch.js";

const oddNames = [
  "with space",
  " leading and trailing ",
  "new\nline",
  "tab\tand\rreturn",
  `quotes ' " \``,
  "-leading-dash",
  "--",
  "$HOME; rm -rf *",
  "back\\slash",
  "*?[a-z]{b,c}!",
  "käse-€-🙂",
  "e\u0301 decomposed",
  "...",
  "~",
  "#hash",
  "%s %d",
  "\u0001\u007f",
  "comma,colon:equals=",
  "n".repeat(255),
  "ü".repeat(127),
];

/** Names are bytes: whatever Linux takes as a file name, forkbox does. */
export function describeNames(engine: EngineUnderTest): void {
  describe("file names", () => {
    const prepared = prepare(engine);

    test.each(oddNames)("%j can be written, read, listed, run on, forked and deleted", async (name) => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile(`dir/${name}`, "text");
      await sandbox.makeDirectory(`sub/${name}`);
      expect((await sandbox.exec(["cat", "--", `dir/${name}`])).stdout).toBe("text");
      expect((await sandbox.listDirectory("dir")).map((entry) => entry.name)).toEqual([name]);
      expect((await sandbox.exec("pwd", { cwd: `sub/${name}` })).stdout).toBe(`/workspace/sub/${name}\n`);
      await using fork = await sandbox.fork();
      expect(await fork.readTextFile(`dir/${name}`)).toBe("text");
      await sandbox.deleteFile(`dir/${name}`);
      expect(await sandbox.listDirectory("dir")).toEqual([]);
    });

    test("all of them survive import and export", async () => {
      const [source, target] = [await hostDirectory(), await hostDirectory()];
      for (const name of oddNames) {
        await mkdir(join(source, "sub", name), { recursive: true });
        await writeFile(join(source, "sub", name, "file"), name);
        await writeFile(join(source, name), name);
      }
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(source, "/workspace/in");
      expect((await sandbox.exec("ls -A in | wc -c; ls -A in/sub | wc -c")).exitCode).toBe(0);
      await sandbox.exportDirectory("/workspace/in", target);
      expect(await hostTree(target)).toEqual(await hostTree(source));
      for (const name of oddNames)
        expect(await readFile(join(target, "sub", name, "file"), "utf8")).toBe(name);
    });

    test("a name that is not UTF-8 survives import, commands, forks, flattening and export", async () => {
      const [source, target] = [await hostDirectory(), await hostDirectory()];
      const name = Buffer.from([0x61, 0xff, 0xfe, 0x80, 0x62]);
      const within = (directory: string) => Buffer.concat([Buffer.from(`${directory}/`), name]);
      await mkdir(within(source));
      await writeFile(Buffer.concat([within(source), Buffer.from("/"), name]), "imported");
      const sandbox = await prepared.fork();
      await sandbox.refreshFromHost(source, "/workspace/in");
      await sandbox.exec("printf made > \"in/$(printf 'm\\351m')\"");
      for (let count = 0; count < engine.manyExecs; count++) await sandbox.exec(`echo ${count} > counter`);
      await using fork = await sandbox.fork();
      expect((await fork.exec("cat in/a*/a*; cat in/m*")).stdout).toBe("importedmade");
      // Listing shows them somehow, and doesn't fail.
      expect(await fork.listDirectory("in")).toHaveLength(2);
      await fork.exportDirectory("/workspace/in", target);
      expect(await readdir(target, { encoding: "buffer" }).then(sortedHex)).toEqual(
        sortedHex([name, Buffer.from([0x6d, 0xe9, 0x6d])]),
      );
      expect(await readFile(Buffer.concat([within(target), Buffer.from("/"), name]), "utf8")).toBe(
        "imported",
      );
    });

    test("names that are not UTF-8 are listed as what they are, among others", async () => {
      const sandbox = await prepared.fork();
      await sandbox.exec(
        `mkdir dir; cd dir; odd=$(printf '\\377'); printf 12345 > "$odd"; chmod 4750 "$odd"
for byte in 201 202 203 204 205 206 207 210; do printf 123 > "$(printf "x\\\\$byte y")"; done
mkdir -m 700 "d$odd
new line"; ln -s target "$odd$odd"; mkfifo ".$odd"; echo plain > plain; echo plain > '*'`,
      );
      const entries = await sandbox.listDirectory("dir");
      const lines = entries.map(({ name, type, size, mode }) =>
        type === "file" ? `${name} ${size} ${mode.toString(8)}` : `${name} ${type}`,
      );
      expect(lines.sort()).toEqual(
        [
          "\ufffd 5 4750",
          ...Array.from({ length: 8 }, () => "x\ufffd y 3 644"),
          "d\ufffd\nnew line directory",
          "\ufffd\ufffd symlink",
          ".\ufffd other",
          "plain 6 644",
          "* 6 644",
        ].sort(),
      );
    });

    test("a name of 256 bytes is refused and nothing changes", async () => {
      const sandbox = await prepared.fork();
      await sandbox.writeFile("file", "");
      await expectCode(sandbox.writeFile("n".repeat(256), "x"), "INVALID_ARGUMENT");
      await expectCode(sandbox.makeDirectory(`d/${"n".repeat(256)}`), "INVALID_ARGUMENT");
      expect(await sandbox.listDirectory(".")).toHaveLength(1);
    });

    test("a path of 60 directories works", async () => {
      const sandbox = await prepared.fork();
      const path = `${Array.from({ length: 60 }, (_, index) => `directory-${index}`).join("/")}/file`;
      await sandbox.writeFile(path, "deep");
      expect((await sandbox.exec(["cat", path])).stdout).toBe("deep");
      expect(await sandbox.readTextFile(path)).toBe("deep");
    });
  });
}

const sortedHex = (names: readonly Buffer[]): string[] => names.map((name) => name.toString("hex")).sort();
