import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { VERSION } from "../../../version.js";
import type { Report } from "../../types.js";
import { ranked, sentence } from "../findings.js";
import { differences } from "./differences.js";
import { gather } from "./evidence.js";
import { html, jsonScript, Markup } from "./markup.js";
import { matrix } from "./matrix.js";
import { problems } from "./problems.js";
import { candidateSection } from "./steps.js";
import { timeline } from "./timeline.js";

/**
 * The report as one page for people, which needs no network and nothing beside it but the artifacts that it links,
 * relative to `file`. What sandboxed code wrote is text or a picture in it, never markup: see {@link html}; and the
 * page's policy runs only the script that has this page's nonce.
 */
export async function htmlReport(report: Report, file: string): Promise<string> {
  const [style, script] = await Promise.all([own("page.css"), own("reader.mjs")]);
  const nonce = randomBytes(18).toString("base64");
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; img-src data:; base-uri 'none'; form-action 'none'`;
  const candidates = ranked(report.candidates);
  const evidence = gather(candidates, file);
  const said = sentence(report);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${said}</title>
<style nonce="${nonce}">${new Markup(style)}</style>
</head>
<body>
<a class="skip" href="#problems">Skip to what did not pass</a>
<header>
<h1 class="${report.passed ? "passed" : "failed"}">${said}</h1>
<p class="facts">${report.startedAt} · forkbox ${VERSION} · exit code ${report.exitCode}</p>
</header>
<main>
${warnings(report)}
${matrix(candidates, evidence)}
${problems(candidates, evidence)}
${timeline(report, candidates, evidence)}
${differences(candidates, evidence)}
<section id="steps" aria-labelledby="steps-title">
<h2 id="steps-title">All steps</h2>
<p class="tools"><label>Search steps and logs <input type="search" id="filter" autocomplete="off"></label> <output id="found"></output></p>
${candidates.map((candidate) => candidateSection(candidate, report.candidates.length > 1, evidence))}
</section>
</main>
<footer><p>Keys: <kbd>/</kbd> searches, <kbd>j</kbd> and <kbd>k</kbd> go to the next and the previous problem. The whole report as JSON is in this page: the element <code>report</code>.</p></footer>
${evidence.logs.map(([id, log]) => jsonScript(`log-${id}`, log))}
${jsonScript("report", report)}
<script type="module" nonce="${nonce}">${new Markup(script)}</script>
</body>
</html>
`.text;
}

function own(name: string): Promise<string> {
  return readFile(new URL(name, import.meta.url), "utf8");
}

function warnings({ warnings }: Report): Markup | undefined {
  if (warnings.length === 0) return undefined;
  return html`<section aria-labelledby="warnings-title" class="warnings"><h2 id="warnings-title">Warnings</h2><ul>${warnings.map((warning) => html`<li>${warning}</li>`)}</ul></section>`;
}
