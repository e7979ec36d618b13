import { constants } from "node:os";
import type { LimitMet, Limits } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import type { StepReport } from "../types.js";

/** What came of a step. */
export type Outcome = Pick<StepReport, "verdict" | "reason" | "tail"> &
  Partial<Pick<StepReport, "exitCode" | "cached" | "artifacts" | "rerun" | "error" | "limitsMet">> &
  Partial<Pick<StepReport, "tests" | "firstFailure" | "hint" | "log">>;

export const passed: Outcome = { verdict: "passed", reason: "", tail: "" };

/** The verdict that the exit code of a command means, and what limits it had met by then. */
export function exited(
  exitCode: number,
  limitsMet: LimitMet[] = [],
  limits: Readonly<Limits> = {},
): Omit<Outcome, "tail"> {
  const { verdict, reason } = verdictOf(exitCode);
  if (limitsMet.length === 0) return { verdict, reason, exitCode };
  const { processes = 1024, memoryMiB } = limits;
  const which = {
    processes: `it met the limit of ${processes} processes (--processes)`,
    memory: `it met the limit of ${memoryMiB} MiB of memory (--memory-mib)`,
  };
  const met = limitsMet.map((limit) => which[limit]).join("; ");
  return { verdict, reason: `${reason}; ${met}`, exitCode, limitsMet };
}

function verdictOf(exitCode: number): Pick<Outcome, "verdict" | "reason"> {
  if (exitCode === 127) return { verdict: "error", reason: "exit code 127: a program was not found" };
  if (exitCode === 126) return { verdict: "error", reason: "exit code 126: a program can't be executed" };
  const signal = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0];
  return { verdict: "failed", reason: `exit code ${exitCode}${signal === undefined ? "" : ` (${signal})`}` };
}

/** The verdict that an error means. What is no SandboxError is a mistake of forkbox's own and thrown on. */
export function outcomeOf(error: unknown, signal: AbortSignal, timeoutMs?: number): Outcome {
  if (!(error instanceof SandboxError)) throw error;
  const { code, message, operation } = error;
  if (signal.aborted && (code === "ABORTED" || code === "CLOSED")) {
    return { verdict: "cancelled", reason: whyAborted(signal), tail: "" };
  }
  const told = { reason: message, tail: "", error: { code, message } };
  if (code === "TIMEOUT") {
    const after = timeoutMs === undefined ? message : `timed out after ${timeoutMs / 1000} s`;
    return { verdict: "timed-out", reason: after, tail: "", error: { code, message } };
  }
  // A full disk of the host is LIMIT, too, and no fault of the candidate's; the system's error is its cause then.
  const broke = code === "LIMIT" && (operation === "exec" || error.cause === undefined);
  const said = code === "SECRET_LEAK" || broke;
  return { verdict: said ? "failed" : "error", ...told };
}

export function whyAborted(signal: AbortSignal): string {
  return signal.reason instanceof Error ? signal.reason.message : "interrupted";
}
