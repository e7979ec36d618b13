import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sniff } from "../../../../src/validation/reports/html/sniff.js";
import { writeReports } from "../../../../src/validation/reports/write.js";
import type { CandidateReport, Report, StepReport } from "../../../../src/validation/types.js";
import { browser, documentOf } from "../../../support/browser.js";
import { hostDirectory, hostFiles } from "../../../support/scratch.js";

const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
/** What would run, were any of it taken for markup: each sets the title. */
const ATTACK = [
  "</script><script>document.title='pwned'</script>",
  "</pre></td><img src=x onerror=\"document.title='pwned'\">",
  "<!--<script>",
  "-->]]>",
  `"' autofocus onfocus=document.title='pwned' x="`,
  "</title></style></textarea><svg onload=document.title='pwned'>",
  "javascript:document.title='pwned'",
  "\u2028\u2029\u0000\u001b[31m\u202e\ud800&lt;",
].join("\n");

function step(name: string, more: Partial<StepReport> = {}): StepReport {
  return {
    ...{ kind: "check", name, commands: ["x"], verdict: "failed", reason: "exit code 1", tail: "" },
    ...{ durationMs: 1200, startedAt: "2026-01-02T03:04:06.000Z" },
    ...more,
  };
}

function candidate(name: string, checks: StepReport[], more: Partial<CandidateReport> = {}): CandidateReport {
  return {
    ...{ name, directory: `/srv/${name}`, configFrom: "detected", verdict: "failed", durationMs: 5000 },
    ...{ stages: [], checks, warnings: [], ...more },
  };
}

function report(...candidates: CandidateReport[]): Report {
  return {
    ...{ version: 1, passed: false, exitCode: 1, interrupted: false, any: false },
    ...{ startedAt: "2026-01-02T03:04:05.678Z", durationMs: 5000, engine: "local", candidates, warnings: [] },
  };
}

async function pageOf(of: Report, directory: string): Promise<{ html: string; file: string }> {
  const { readFile } = await import("node:fs/promises");
  const file = join(directory, "report.html");
  await writeReports(of, { html: file });
  return { html: await readFile(file, "utf8"), file };
}

/** A directory with what a hostile step left: its log and artifacts. */
async function hostile(): Promise<{ directory: string; step: StepReport }> {
  const directory = await hostFiles({
    "out/a/test/output.log": `${ATTACK}\n`,
    "out/a/test/evil.html": ATTACK,
    "out/a/test/evil.svg": "<svg xmlns='http://www.w3.org/2000/svg' onload=\"document.title='pwned'\"/>",
    "out/a/test/javascript:document.title=1": "x",
    "secret.txt": "of the host alone",
  });
  const artifacts = join(directory, "out/a/test");
  await writeFile(join(artifacts, `" onerror="document.title='pwned'" x="<img src=x>.txt`), "text");
  await writeFile(join(artifacts, "not-a-picture.png"), "<svg onload=alert(1)>");
  await writeFile(join(artifacts, "picture.txt"), PIXEL);
  await symlink("../../../secret.txt", join(artifacts, "leads-out.txt"));
  const left = step(ATTACK, {
    ...{ tail: ATTACK, firstFailure: ATTACK, hint: ATTACK, reason: ATTACK, commands: [ATTACK] },
    log: join(artifacts, "output.log"),
    artifacts: { directory: artifacts, files: 7, bytes: 1, skipped: [{ path: ATTACK, reason: ATTACK }] },
  });
  return { directory, step: left };
}

describe("the HTML report", () => {
  test("says the verdict, the best candidate first, and what failed first of each, in markup without a script", async () => {
    const { html } = await pageOf(
      report(
        candidate("worse", [step("test", { firstFailure: "AssertionError: 1 is not 2" }), step("lint")]),
        candidate("better", [
          step("test", { verdict: "passed", reason: "" }),
          step("lint", { hint: "try it" }),
        ]),
      ),
      await hostDirectory(),
    );
    const body = html.slice(html.indexOf("<body>"), html.indexOf('<script type="application/json"'));
    expect(body).toContain("Failed: 0 of 2 candidates and 1 of 4 checks passed in 5.0s on the local engine.");
    expect(body.indexOf("better")).toBeLessThan(body.indexOf("worse"));
    expect(body).toMatch(/<article[^>]*>(?:(?!<\/article>|<details)[\s\S])*AssertionError: 1 is not 2/);
    expect(body).toContain("try it");
    expect(body).toContain("forkbox validate /srv/worse --check test");
  });

  test("lets only its own style and script run, and nothing be fetched", async () => {
    const of = report(candidate("a", [step("test")]));
    const [one, other] = [await pageOf(of, await hostDirectory()), await pageOf(of, await hostDirectory())];
    const policyOf = (html: string) =>
      /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(html)?.[1];
    expect(policyOf(one.html)).toMatch(
      /^default-src &#39;none&#39;; style-src &#39;nonce-[\w+/]{24}&#39;; script-src &#39;nonce-[\w+/]{24}&#39;; img-src data:; base-uri &#39;none&#39;; form-action &#39;none&#39;$/,
    );
    expect(policyOf(one.html)).not.toBe(policyOf(other.html));
    expect(one.html).not.toMatch(/\s(?:style|on\w+)=/);
  });

  test("shows a picture by its content only, follows no link, and links beside itself", async () => {
    const { directory, step: left } = await hostile();
    const { html } = await pageOf(report(candidate("a", [left])), directory);
    expect(html.match(/<img [^>]*>/g)).toEqual([
      `<img loading="lazy" decoding="async" alt="picture.txt" src="data:image/png;base64,${PIXEL.toString("base64")}">`,
    ]);
    expect(html).not.toContain("of the host alone");
    expect(html).toContain("leads-out.txt <small>a link, not followed</small>");
    const links = [...html.matchAll(/href="([^"]*)"/g)].map(([, link = ""]) => link);
    expect(links.filter((link) => !/^(?:#|\.\/)/.test(link))).toEqual([]);
    expect(links).toContain("./out/a/test/javascript%3Adocument.title%3D1");
  });

  test("has the whole report as JSON", async () => {
    const { directory, step: left } = await hostile();
    const of = report(candidate(ATTACK, [left]));
    const { html } = await pageOf(of, directory);
    const json = /<script type="application\/json" id="report">(.*?)<\/script>/s.exec(html)?.[1] ?? "";
    expect(JSON.parse(json)).toEqual(of);
    expect(json).not.toMatch(/[<>&\u2028\u2029]/);
  });

  test("has of a log that is too long its start and its end, and says so; of one behind a link nothing", async () => {
    const directory = await hostFiles({
      "out/a/test/output.log": `${`first line\n${"x".repeat(99)}\n`.repeat(60_000)}last line\n`,
      "elsewhere/output.log": "of somebody else",
    });
    await mkdir(join(directory, "out/b"), { recursive: true });
    await symlink("../../elsewhere", join(directory, "out/b/test"));
    const { html } = await pageOf(
      report(
        candidate("a", [step("test", { log: join(directory, "out/a/test/output.log") })]),
        candidate("b", [step("test", { log: join(directory, "out/b/test/output.log") })]),
      ),
      directory,
    );
    expect(html.length).toBeLessThan(5 * 1024 * 1024);
    expect(html).toContain("first line");
    expect(html).toContain("last line");
    expect(html).toContain("the middle is left out of this page");
    expect(html).not.toContain("of somebody else");
  });

  test("takes a picture that would unpack to too much for none", () => {
    const huge = Buffer.from(PIXEL);
    huge.writeUInt32BE(50_000, 16);
    huge.writeUInt32BE(50_000, 20);
    expect(sniff(PIXEL)).toEqual({ kind: "image", type: "image/png" });
    expect(sniff(huge)).toEqual({ kind: "other" });
    expect(sniff(Buffer.from("<svg/>"))).toEqual({ kind: "text" });
    expect(sniff(Buffer.from([0x4d, 0x5a, 0, 1]))).toEqual({ kind: "other" });
  });
});

describe.skipIf(browser === undefined)("the HTML report in a browser", () => {
  test("runs nothing that a candidate wrote, wherever it wrote it", async () => {
    const { directory, step: left } = await hostile();
    const of = report(
      candidate(ATTACK, [left], { directory: ATTACK, configFrom: ATTACK }),
      candidate("refused", [], { error: { code: "INVALID_ARGUMENT", message: ATTACK } }),
    );
    const { file } = await pageOf({ ...of, engine: ATTACK, warnings: [ATTACK] }, directory);
    const dom = await documentOf(file);
    // The page's own script ran: it is what makes lines of a log.
    expect(dom).toContain('id="filter"');
    expect(dom).not.toContain("<title>pwned");
    const body = dom.slice(dom.indexOf("<body"), dom.indexOf('<script type="application/json"'));
    const elements = new Set([...body.matchAll(/<([a-zA-Z][\w-]*)/g)].map(([, name = ""]) => name));
    expect(elements).not.toContain("script");
    expect(elements).not.toContain("textarea");
    expect(body.match(/<img /g)).toHaveLength(1);
    expect(body.match(/<svg /g)).toHaveLength(1); // the bar of the one step that ran
    const attributes = [...body.matchAll(/<[a-z][\w-]*((?:\s+[\w-]+(?:="[^"]*")?)*)\s*>/g)].flatMap(
      ([, text = ""]) => [...text.matchAll(/\s([\w-]+)(?:="[^"]*")?/g)].map(([, name = ""]) => name),
    );
    expect(attributes.length).toBeGreaterThan(50);
    expect(attributes.filter((name) => /^on|^style$|^autofocus$/.test(name))).toEqual([]);
    expect(body).not.toContain('href="javascript:');
  });

  test("opens a log at the line that an address names, its text as text", async () => {
    const { directory, step: left } = await hostile();
    const lines = Array.from({ length: 2_000 }, (_, i) => `line ${i + 1} <b>`).join("\n");
    await writeFile(left.log ?? "", lines);
    const { file } = await pageOf(report(candidate("a", [left])), directory);
    const dom = await documentOf(file, "#c0s0-L1500");
    expect(dom).toMatch(
      /<div id="c0s0-L1500" class="here"><a href="#c0s0-L1500" tabindex="-1">1500<\/a><span>line 1500 &lt;b&gt;<\/span><\/div>/,
    );
  });
});
