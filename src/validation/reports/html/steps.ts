import type { Artifacts, CandidateReport, StepReport } from "../../types.js";
import { isProblem, stepsOf } from "../findings.js";
import { repeatCommand } from "../repeat-command.js";
import { count, duration, size } from "../words.js";
import type { ArtifactFile } from "./artifacts.js";
import type { Evidence } from "./evidence.js";
import { html, type Markup } from "./markup.js";
import { badge } from "./matrix.js";

/** All steps of a candidate, those that did not pass open. */
export function candidateSection(candidate: CandidateReport, many: boolean, evidence: Evidence): Markup {
  const { name, directory, configFrom, verdict, durationMs } = candidate;
  return html`<section id="${evidence.idOf(candidate)}" class="candidate" tabindex="-1">
<h3>${many && html`${name} `}${badge(verdict)} <small>${duration(durationMs)}</small></h3>
<p class="facts">${directory} · config: ${configFrom}</p>
${stepsOf(candidate).map((step) => stepDetails(candidate, step, evidence))}
</section>
`;
}

function stepDetails(candidate: CandidateReport, step: StepReport, evidence: Evidence): Markup {
  const isOpen = isProblem(step);
  return html`<details id="${evidence.idOf(step)}" class="step"${isOpen && html` open`}>
<summary>${badge(step.verdict)} <span class="name">${step.name}</span> <small>${step.startedAt !== undefined && duration(step.durationMs)} ${step.reason}</small></summary>
<dl>${facts(step)}</dl>
${step.kind === "check" && repeat(candidate, step)}
${body(step, evidence)}
${step.runs?.map((run, i) => runDetails(run, i + 1, evidence))}
</details>
`;
}

function runDetails(run: StepReport, number: number, evidence: Evidence): Markup {
  return html`<details id="${evidence.idOf(run)}" class="run"><summary>${badge(run.verdict)} run ${number} <small>${duration(run.durationMs)} ${run.reason}</small></summary>${body(run, evidence)}</details>`;
}

function facts({
  commands,
  exitCode,
  network,
  cached,
  limitsMet,
  tests,
  rerun,
  error,
}: StepReport): Markup[] {
  const fact = (name: string, value: Markup | string) => html`<dt>${name}</dt><dd>${value}</dd>`;
  return [
    ...(commands.length > 0 ? [fact("runs", html`<pre>${commands.join("\n")}</pre>`)] : []),
    ...(exitCode !== undefined ? [fact("exit code", `${exitCode}`)] : []),
    ...(error ? [fact("error", `${error.code}: ${error.message}`)] : []),
    ...(limitsMet?.length ? [fact("limits met", limitsMet.join(", "))] : []),
    ...(tests
      ? [
          fact(
            "tests",
            `${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped, by their runners' word`,
          ),
        ]
      : []),
    ...(network ? [fact("network", network)] : []),
    ...(cached ? [fact("cache", "its result came from the cache")] : []),
    ...(rerun ? [fact("engine", "was lost once; the step ran again")] : []),
  ];
}

function repeat(candidate: CandidateReport, step: StepReport): Markup {
  return html`<p class="repeat">Again: <code>${repeatCommand(candidate, step)}</code> <button type="button" class="copy">Copy</button></p>`;
}

function body(step: StepReport, evidence: Evidence): Markup {
  return html`${log(step, evidence)}${step.artifacts && artifacts(step.artifacts, evidence.artifactsOf(step))}`;
}

/** The lines themselves are made when it is opened: a page has many, and people read few. */
function log(step: StepReport, evidence: Evidence): Markup | undefined {
  if (step.log === undefined || step.runs !== undefined)
    return step.tail === ""
      ? undefined
      : html`<pre tabindex="0" aria-label="The end of what ${step.name} printed">${step.tail}</pre>`;
  const file = html`<a href="${evidence.linkTo(step.log)}">output.log</a>`;
  if (!evidence.hasLog(step))
    return html`<pre>${step.tail}</pre><p>All it printed is in ${file}; there was no room for it in this page.</p>`;
  return html`<details class="log" data-log="${evidence.idOf(step)}"><summary>All it printed</summary>
<p class="tools"><label>Search this log <input type="search" autocomplete="off"></label> <button type="button" data-go="-1">Previous</button> <button type="button" data-go="1">Next</button> <output></output> ${file}</p>
<div class="lines" role="region" aria-label="What ${step.name} printed" tabindex="0"></div></details>`;
}

function artifacts({ files, bytes, skipped }: Artifacts, listed: readonly ArtifactFile[]): Markup {
  const more = files - listed.length;
  return html`<details class="artifacts"><summary>${count(files, "artifact")}, ${size(bytes)}${skipped.length > 0 && `, ${skipped.length} left out`}</summary>
<p class="facts">Code under test wrote these: opening one runs what is in it.</p>
<ul>${listed.map(artifact)}</ul>
${more > 0 && html`<p>And ${more} more in their directory.</p>`}
${skipped.length > 0 && html`<p>Left out, since they could not be exported safely:</p><ul>${skipped.map(({ path, reason }) => html`<li>${path}: ${reason}</li>`)}</ul>`}
</details>`;
}

function artifact({ path, link, bytes, isLink, shown, noRoom }: ArtifactFile): Markup {
  if (isLink) return html`<li>${path} <small>a link, not followed</small></li>`;
  return html`<li><a href="${link}" rel="noreferrer noopener" download>${path}</a> <small>${size(bytes)}${noRoom && ", too large for this page: beside it only"}</small>
${shown?.kind === "image" && html`<img loading="lazy" decoding="async" alt="${path}" src="${shown.source}">`}
${shown?.kind === "text" && html`<details><summary>${shown.isWhole ? "Content" : "Its start"}</summary><pre tabindex="0" aria-label="${path}">${shown.text}</pre></details>`}</li>
`;
}
