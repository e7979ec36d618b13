import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../support/cli.js";
import { hostDirectory, hostFiles } from "../support/scratch.js";
import { describeValidation } from "../support/validating.js";

const CONFIG = JSON.stringify({
  checks: {
    first: "true",
    loud: { run: "printf '::error::PWNED\\n::add-path::/tmp\\n'; exit 1", needs: ["first"] },
    other: "true",
  },
});

await describeValidation("reports for forges and people", () => {
  test("GitHub Actions hears of each failure, and no command that a check printed", async () => {
    const project = await hostFiles({ "forkbox.yaml": CONFIG });
    const out = await hostDirectory();
    const [summary, page, comment] = [join(out, "summary.md"), join(out, "r.html"), join(out, "r.md")];
    const reports = ["github", `html=${page}`, `markdown=${comment}`].flatMap((to) => ["--report", to]);
    const { stdout, exitCode } = await runCli(["validate", project, "--out", out, "--verbose", ...reports], {
      env: { GITHUB_STEP_SUMMARY: summary, GITHUB_WORKSPACE: project },
    });
    expect(exitCode).toBe(1);
    const token = /^::stop-commands::(\S+)\n/.exec(stdout)?.[1];
    expect(token).toBeDefined();
    const [fenced = "", after = ""] = stdout.split(`\n::${token}::\n`);
    expect(fenced).toContain("::error::PWNED");
    expect(after).toMatch(/^::error file=forkbox\.yaml,title=loud%3A failed::[^\n]*\n$/);
    expect(await readFile(summary, "utf8")).toBe(await readFile(comment, "utf8"));
    expect(await readFile(page, "utf8")).toContain("Failed: 2 of 3 checks passed");
  });

  test("the page's command repeats one check, with what it waits for", async () => {
    const project = await hostFiles({ "forkbox.yaml": CONFIG });
    const args = ["validate", project, "--out", await hostDirectory(), "--json"];
    const { stdout, exitCode } = await runCli([...args, "--check", "loud"]);
    expect(exitCode).toBe(1);
    const names = JSON.parse(stdout).candidates[0].checks.map(({ name }: { name: string }) => name);
    expect(names).toEqual(["first", "loud"]);
    const unknown = await runCli([...args, "--check", "laud"]);
    expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("Is it loud?") });
  });
});
