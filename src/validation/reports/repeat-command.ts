import { sep } from "node:path";
import type { CandidateReport, StepReport } from "../types.js";

/** For a POSIX shell: runs one check of a candidate again, with what it needs. The operator's other flags are not in it. */
export function repeatCommand({ directory, configFrom }: CandidateReport, { name }: StepReport): string {
  const isOperators = configFrom.startsWith(sep) && !configFrom.startsWith(`${directory}${sep}`);
  const config = isOperators ? ["--config", configFrom] : [];
  return ["forkbox", "validate", directory, ...config, "--check", name].map(quoted).join(" ");
}

/** What a terminal would act on when it is pasted is spelled out. */
function quoted(word: string): string {
  if (/^[A-Za-z0-9_./:=+-]+$/.test(word)) return word;
  if (/^[\x20-\x7e\u00a1-\u1fff\u2c00-\ud7ff]*$/.test(word)) return `'${word.replaceAll("'", "'\\''")}'`;
  const spelled = [...Buffer.from(word)].map((byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x27 || byte === 0x5c
      ? `\\x${byte.toString(16).padStart(2, "0")}`
      : String.fromCharCode(byte),
  );
  return `$'${spelled.join("")}'`;
}
