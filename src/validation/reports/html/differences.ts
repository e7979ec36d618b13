import type { CandidateReport } from "../../types.js";
import { stepsOf } from "../findings.js";
import { count, size } from "../words.js";
import type { Evidence } from "./evidence.js";
import { html, type Markup } from "./markup.js";

const MOST_ROWS = 200;

/** Artifacts that not all candidates have, or not in the same size. */
export function differences(candidates: readonly CandidateReport[], evidence: Evidence): Markup | undefined {
  if (candidates.length < 2) return undefined;
  const sizes = candidates.map((candidate) => sizesOf(candidate, evidence));
  const paths = [...new Set(sizes.flatMap((of) => [...of.keys()]))].sort();
  if (paths.length === 0) return undefined;
  const differing = paths.filter((path) => new Set(sizes.map((of) => of.get(path))).size > 1);
  const same = html`<p>${count(paths.length - differing.length, "artifact")} of the same name and size everywhere; contents are not compared.</p>`;
  const more = differing.length - MOST_ROWS;
  return html`<section aria-labelledby="differences-title"><h2 id="differences-title">Artifacts that differ between candidates</h2>
${same}
${
  differing.length > 0 &&
  html`<div class="scroll" tabindex="0" role="region" aria-label="Artifacts that differ"><table><thead><tr><th scope="col">File</th>${candidates.map(({ name }) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${differing.slice(0, MOST_ROWS).map((path) => html`<tr><th scope="row">${path}</th>${sizes.map((of) => cell(of.get(path)))}</tr>\n`)}</tbody></table></div>`
}
${more > 0 && html`<p>And ${more} more.</p>`}
</section>`;
}

function sizesOf(candidate: CandidateReport, evidence: Evidence): Map<string, number> {
  return new Map(
    stepsOf(candidate)
      .flatMap((step) =>
        [...(step.runs ?? []), step].map((of) => ({ step, files: evidence.artifactsOf(of) })),
      )
      .flatMap(({ step, files }) => files.map(({ path, bytes }) => [`${step.name}/${path}`, bytes] as const)),
  );
}

function cell(bytes: number | undefined): Markup {
  return bytes === undefined ? html`<td class="none">not there</td>` : html`<td>${size(bytes)}</td>`;
}
