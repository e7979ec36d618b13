import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const fresh = mkdtempSync(join(tmpdir(), "forkbox-api-"));
afterAll(() => rmSync(fresh, { recursive: true }));

// It also fails when something public has no docstring, or a link in one leads nowhere: see typedoc.json.
test("docs/api is what the docstrings say: npm run docs:api writes it", { timeout: 300_000 }, () => {
  execFileSync(join(root, "node_modules/.bin/typedoc"), ["--out", fresh], { cwd: root, encoding: "utf8" });
  expect(pages(join(root, "docs/api"))).toEqual(pages(fresh));
});

test("every export, error code, verdict and event is in docs/api, with what it means", () => {
  const exported = names(readFileSync(join(root, "src/index.ts"), "utf8"));
  expect(exported.length).toBeGreaterThan(60);
  const index = readFileSync(join(root, "docs/api/README.md"), "utf8");
  expect(exported.filter((name) => !index.includes(`[${name}](`))).toEqual([]);
  for (const union of ["ErrorCode", "Verdict"]) {
    const { members, text } = unionPage(union, /`"([\w-]+)"`/g);
    expect(members.filter((member) => !text.includes(`- \`${member}\`: `))).toEqual([]);
  }
  // Below each event's shape there is what it means, and no other heading or rule.
  const { members, text } = unionPage("ValidationEvent", /`type`: `"([\w-]+)"`/g);
  const meaning = (type: string) => new RegExp(`^.*\`type\`: \`"${type}"\`.*\n\n(?![#*])`, "m");
  expect(members.filter((type) => !meaning(type).test(text))).toEqual([]);
});

/** The members of a union as its declaration has them, and the text below that. */
function unionPage(name: string, pattern: RegExp): { members: string[]; text: string } {
  const page = readFileSync(join(root, `docs/api/type-aliases/${name}.md`), "utf8");
  const [declaration = ""] = page.match(/^> .*/m) ?? [];
  const members = [...declaration.matchAll(pattern)].map(([, member = ""]) => member);
  expect(members.length).toBeGreaterThan(5);
  return { members, text: page.slice(page.indexOf(declaration) + declaration.length) };
}

/** Each page with its path and text. */
function pages(directory: string): Record<string, string> {
  const paths = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".md"),
  );
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(directory, path), "utf8")]));
}

/** What index.ts hands on. */
function names(source: string): string[] {
  return [...source.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list = ""]) =>
    list
      .split(",")
      .map((name) => name.replace("type ", "").trim())
      .filter(Boolean),
  );
}
