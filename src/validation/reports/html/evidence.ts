import type { CandidateReport, StepReport } from "../../types.js";
import { isProblem, stepsOf } from "../findings.js";
import { plain } from "../plain.js";
import { type ArtifactFile, type Room, readArtifacts } from "./artifacts.js";
import { relativeLink } from "./link.js";
import { readLog } from "./log.js";

/** What a page has of each step beside its report, read once from where the validation put it. */
export interface Evidence {
  /** By an id for markup, those of steps that have one. */
  logs: readonly (readonly [id: string, text: string])[];
  /** Never a name: names are a candidate's words. */
  idOf(of: StepReport | CandidateReport): string;
  /** Whether its log is in the page. */
  hasLog(step: StepReport): boolean;
  artifactsOf(step: StepReport): readonly ArtifactFile[];
  /** Relative to the page. */
  linkTo(path: string): string;
}

const LOGS_BYTES = 24 * 1024 * 1024;
const LOG_BYTES = 4 * 1024 * 1024;
const ARTIFACTS_BYTES = 10 * 1024 * 1024;

/** Steps that did not pass are first to get what room there is. */
export function gather(candidates: readonly CandidateReport[], file: string): Evidence {
  const ids = new Map<StepReport | CandidateReport, string>();
  const all: StepReport[] = [];
  candidates.forEach((candidate, c) => {
    ids.set(candidate, `c${c}`);
    stepsOf(candidate).forEach((step, s) => {
      ids.set(step, `c${c}s${s}`);
      (step.runs ?? []).forEach((run, r) => void ids.set(run, `c${c}s${s}r${r}`));
      all.push(...(step.runs ?? []), step);
    });
  });
  const ordered = [...all.filter(isProblem), ...all.filter((step) => !isProblem(step))];
  const idOf = (of: StepReport | CandidateReport) => ids.get(of) ?? "";
  const logs: [string, string][] = [];
  const artifacts = new Map<StepReport, ArtifactFile[]>();
  const runs = new Set(all.flatMap((step) => step.runs ?? []));
  const room: Room = { bytes: ARTIFACTS_BYTES, from: file };
  let left = LOGS_BYTES;
  for (const step of ordered) {
    // A repeated check has the directory of the run that decided.
    if (step.artifacts && !step.runs) artifacts.set(step, readArtifacts(step.artifacts.directory, room));
    if (step.log === undefined || step.runs !== undefined || left <= 0) continue;
    const text = readLog(step.log, runs.has(step) ? 4 : 3, Math.min(LOG_BYTES, left));
    if (text === undefined) continue;
    left -= Buffer.byteLength(text);
    logs.push([idOf(step), plain(text)]);
  }
  const logged = new Set(logs.map(([id]) => id));
  return {
    ...{ logs, idOf },
    hasLog: (step) => logged.has(idOf(step)),
    artifactsOf: (step) => artifacts.get(step) ?? [],
    linkTo: (path) => relativeLink(file, path),
  };
}
