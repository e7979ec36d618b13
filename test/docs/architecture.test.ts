import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/architecture.md"), "utf8");

test("each path that docs/architecture.md names is there", () => {
  const paths = [...page.matchAll(/\b(?:src|test|docs|schema|bench|scripts)\/[\w./-]*[\w-]/g)].map(String);
  expect(paths.length).toBeGreaterThan(80);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  const links = [...page.matchAll(/\]\(([^)#]+)/g)].map(([, link = ""]) => link);
  expect(links.length).toBeGreaterThan(3);
  expect(links.filter((link) => !existsSync(join(root, "docs", link)))).toEqual([]);
});

test("CONTRIBUTING.md and README.md lead to docs/architecture.md", () => {
  for (const from of ["CONTRIBUTING.md", "README.md"])
    expect(readFileSync(join(root, from), "utf8")).toContain("(docs/architecture.md)");
});

test("each name of code beside a file in docs/architecture.md is in that file", () => {
  const named = [...page.matchAll(/((?:`\w+`(?:, | and )?)+) in `(src\/[^`]+)`/g)];
  expect(named.length).toBeGreaterThan(5);
  const lacking = named.flatMap(([, names = "", file = ""]) => {
    const text = readFileSync(join(root, file), "utf8");
    return names.split(/[^\w]+/).filter((name) => name !== "and" && !text.includes(name));
  });
  expect(lacking).toEqual([]);
});
