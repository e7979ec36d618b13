import type { CandidateReport, StepReport } from "../../types.js";
import { firstLines, isProblem, stepsOf } from "../findings.js";
import type { Evidence } from "./evidence.js";
import { html, type Markup } from "./markup.js";
import { badge } from "./matrix.js";

const MOST_LINES = 12;

/** Each failure with its first failing lines, open. */
export function problems(candidates: readonly CandidateReport[], evidence: Evidence): Markup {
  const many = candidates.length > 1;
  const found = candidates.flatMap((candidate) => [
    ...(candidate.error ? [refused(candidate, candidate.error.message)] : []),
    ...stepsOf(candidate)
      .filter(isProblem)
      .map((step) => problem(candidate, step, many, evidence)),
  ]);
  return html`<section id="problems" tabindex="-1" aria-labelledby="problems-title">
<h2 id="problems-title">What did not pass</h2>
${found.length === 0 ? html`<p>Nothing: all that ran has passed.</p>` : found}
</section>`;
}

function refused({ name, directory }: CandidateReport, message: string): Markup {
  return html`<article class="problem"><h3>${name} ${badge("error")}</h3><p>${directory}</p><pre>${message}</pre></article>\n`;
}

function problem(candidate: CandidateReport, step: StepReport, many: boolean, evidence: Evidence): Markup {
  const lines = firstLines(step, MOST_LINES);
  return html`<article class="problem" tabindex="-1">
<h3>${many && html`${candidate.name}: `}<a href="#${evidence.idOf(step)}">${step.name}</a> ${badge(step.verdict)}</h3>
<p>${step.reason}</p>
${step.hint !== undefined && html`<p class="hint"><strong>Hint:</strong> ${step.hint}</p>`}
${lines !== "" && html`<pre tabindex="0" aria-label="First failing lines of ${step.name}">${lines}</pre>`}
</article>
`;
}
