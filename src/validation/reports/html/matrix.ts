import type { CandidateReport, StepReport, Verdict } from "../../types.js";
import { stepsOf } from "../findings.js";
import { count, duration } from "../words.js";
import type { Evidence } from "./evidence.js";
import { html, type Markup } from "./markup.js";

const signs: Readonly<Record<Verdict, string>> = {
  ...{ passed: "✔", failed: "✖", "timed-out": "⧖", skipped: "–", cancelled: "■", flaky: "~", error: "!" },
};
/** A long list of what is well hides the rest. */
const MOST_PASSED_ROWS = 30;

/** Steps down, candidates across, the best first; steps that some candidate did not pass come first. */
export function matrix(candidates: readonly CandidateReport[], evidence: Evidence): Markup {
  const steps = candidates.map((candidate) => new Map(stepsOf(candidate).map((step) => [step.name, step])));
  const names = [...new Set(steps.flatMap((of) => [...of.keys()]))];
  const isWell = (name: string) => steps.every((of) => of.get(name)?.verdict === "passed");
  const well = names.filter(isWell);
  const unwell = names.filter((name) => !isWell(name));
  const folds = well.length > MOST_PASSED_ROWS;
  const draw = (rows: readonly string[]) => table(candidates, steps, rows, evidence);
  return html`<section aria-labelledby="matrix-title">
<h2 id="matrix-title">${candidates.length > 1 ? "Candidates, best first" : "Steps"}</h2>
${folds ? draw(unwell) : draw(names.length > well.length ? [...unwell, ...well] : names)}
${folds && html`<details class="well"><summary>${count(well.length, "step")} passed${candidates.length > 1 && " everywhere"}</summary>${draw(well)}</details>`}
</section>`;
}

function table(
  candidates: readonly CandidateReport[],
  steps: readonly ReadonlyMap<string, StepReport>[],
  rows: readonly string[],
  evidence: Evidence,
): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Verdicts"><table class="matrix">
<thead><tr><th scope="col">Step</th>${candidates.map(
    (candidate) =>
      html`<th scope="col"><a href="#${evidence.idOf(candidate)}">${candidate.name}</a> ${badge(candidate.verdict)}</th>`,
  )}</tr></thead>
<tbody>${rows.map(
    (name) => html`<tr><th scope="row">${name}</th>${steps.map((of) => cell(of.get(name), evidence))}</tr>\n`,
  )}</tbody></table></div>`;
}

function cell(step: StepReport | undefined, evidence: Evidence): Markup {
  if (step === undefined) return html`<td class="none">not there</td>`;
  const time = step.startedAt !== undefined && html` <small>${duration(step.durationMs)}</small>`;
  return html`<td><a href="#${evidence.idOf(step)}">${badge(step.verdict)}</a>${time}</td>`;
}

/** A verdict by sign, word and colour: none of them alone. */
export function badge(verdict: Verdict): Markup {
  return html`<span class="badge ${verdict}"><span aria-hidden="true">${signs[verdict]}</span> ${verdict}</span>`;
}
