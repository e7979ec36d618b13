import type { CandidateReport, Report, StepReport } from "../../types.js";
import { stepsOf } from "../findings.js";
import { count, duration } from "../words.js";
import type { Evidence } from "./evidence.js";
import { html, type Markup } from "./markup.js";

/** More bars than fit on two screens are folded. */
const MOST_OPEN = 40;

/** When each step ran: a bar, and the same in words. */
export function timeline(
  report: Report,
  candidates: readonly CandidateReport[],
  evidence: Evidence,
): Markup | undefined {
  const rows = candidates.flatMap((candidate) =>
    stepsOf(candidate).flatMap((step) => (step.startedAt === undefined ? [] : [{ candidate, step }])),
  );
  if (rows.length === 0) return undefined;
  const from = Date.parse(report.startedAt);
  const ends = rows.map(({ step }) => startOf(step, from) + step.durationMs);
  const whole = ends.reduce((most, end) => Math.max(most, end), Math.max(1, report.durationMs));
  const drawn = rows.map(({ candidate, step }) => {
    const name = candidates.length > 1 ? `${candidate.name}: ${step.name}` : step.name;
    return html`<tr><th scope="row"><a href="#${evidence.idOf(step)}">${name}</a></th><td class="bar">${bar(step, from, whole)}</td><td>${duration(step.durationMs)}</td><td>at ${duration(startOf(step, from))}</td></tr>\n`;
  });
  const table = html`<div class="scroll"><table class="timeline"><thead><tr><th scope="col">Step</th><th scope="col">of ${duration(whole)}</th><th scope="col">took</th><th scope="col">started</th></tr></thead><tbody>${drawn}</tbody></table></div>`;
  return html`<section aria-labelledby="timeline-title"><h2 id="timeline-title">Timeline</h2>
${rows.length <= MOST_OPEN ? table : html`<details><summary>${count(rows.length, "step")}</summary>${table}</details>`}</section>`;
}

/** As a picture: the page's policy lets no element have a style of its own. */
function bar(step: StepReport, from: number, whole: number): Markup {
  const percent = (milliseconds: number) => ((100 * milliseconds) / whole).toFixed(2);
  return html`<svg aria-hidden="true" width="100%" height="14"><rect class="${step.verdict}" x="${percent(startOf(step, from))}%" y="2" height="10" width="${percent(step.durationMs)}%" rx="2"/></svg>`;
}

function startOf({ startedAt = "" }: StepReport, from: number): number {
  return Math.max(0, Date.parse(startedAt) - from);
}
