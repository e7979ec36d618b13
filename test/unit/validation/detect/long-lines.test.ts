import { describe, expect, test } from "vitest";
import { Slices } from "../../../../src/files/slices.js";
import { readConfigFacts } from "../../../../src/host/git/config-facts.js";
import { parseIndex } from "../../../../src/host/git/index-file.js";
import { detectConfig } from "../../../../src/validation/detect/detect.js";
import { hostFiles } from "../../../support/scratch.js";

// Quadratic in these, each would take from minutes to hours: the runner ends a test long before.
const mebibyte = 1024 * 1024;
const spaces = " ".repeat(mebibyte - 100);
const lines = "\n".repeat(128 * 1024 - 100);
const python = { "tests/test_a.py": "import pytest\n" };

describe("a manifest made to be read for hours", () => {
  const projects: [string, Record<string, string>][] = [
    ["Rust sources of empty lines", { "Cargo.toml": "[package]\nname = 'a'\n", "src/lib.rs": `${lines}x` }],
    ["Python tests of empty lines", { "setup.py": "", "tests/test_a.py": `${lines}x` }],
    ["a class of one long line", { "setup.py": "", "test_a.py": `class a(${"Test".repeat(32_000)}` }],
    ["a go.work of blocks without an end", { "go.work": "use(\n".repeat(200_000), "a.go": "" }],
    ["a requirement of spaces", { ...python, "requirements.txt": `a${spaces}b\n` }],
    ["a setup.cfg of spaces", { ...python, "setup.py": "", "setup.cfg": `[metadata]\na${spaces}b\n` }],
  ];
  test.each(projects)("%s, is read in no time", async (_, files) => {
    const found = detectConfig(await hostFiles(files)).then(
      () => "read",
      (error) => error.code,
    );
    expect(await found).toMatch(/^(read|INVALID_ARGUMENT)$/);
  });
});

describe("a git repository made to be read for hours", () => {
  test("has a config whose long lines say nothing, and the others what they say", () => {
    const config = `[core]\nfilemode =${spaces}!\nsymlinks = false\n[remote "${spaces}"]\neol = lf\n`;
    expect(readConfigFacts(config).core).toEqual({ symlinks: "false" });
  });

  test("has an index of millions of empty extensions, which are not looked through", async () => {
    const index = Buffer.alloc(64 * mebibyte);
    index.write("DIRC");
    index.writeUInt32BE(2, 4);
    index.write("link", index.length - 196);
    index.writeUInt32BE(40, index.length - 192);
    index.fill(1, index.length - 188, index.length - 100);
    expect(await parseIndex(index, 20, new Slices("validate"))).toEqual({ names: [] });
  });
});
