import { constants } from "node:os";
import { SandboxError } from "../errors.js";
import type { StepReport } from "./types.js";

/** What came of a step. */
export type Outcome = Pick<StepReport, "verdict" | "reason" | "tail"> &
  Partial<Pick<StepReport, "exitCode" | "cached" | "artifacts" | "rerun" | "error">>;

export const passed: Outcome = { verdict: "passed", reason: "", tail: "" };

/** The verdict that the exit code of a command means. */
export function exited(exitCode: number): Pick<Outcome, "verdict" | "reason"> {
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
  const said = code === "SECRET_LEAK" || (code === "LIMIT" && operation === "exec");
  return { verdict: said ? "failed" : "error", ...told };
}

export function whyAborted(signal: AbortSignal): string {
  return signal.reason instanceof Error ? signal.reason.message : "interrupted";
}
