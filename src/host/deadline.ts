import { clearTimeout, setTimeout } from "node:timers";
import { SandboxError } from "../errors.js";

/**
 * Runs `task` with a signal that `signal` aborts, and the end of `timeoutMs`. Then it rejects with TIMEOUT, once the task
 * has stopped; a task that is done all the same has its value.
 */
export async function withDeadline<Result>(
  operation: string,
  timeoutMs: number | undefined,
  signal: AbortSignal,
  task: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  if (timeoutMs === undefined) return task(signal);
  const message = `${operation} was not done within ${timeoutMs} ms, and was stopped. Raise timeoutMs, or leave files out with exclude.`;
  const late = new SandboxError("TIMEOUT", message, { operation });
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  const timer = setTimeout(() => controller.abort(late), timeoutMs);
  try {
    return await task(controller.signal);
  } catch (error) {
    throw controller.signal.reason === late && isAbort(error, late) ? late : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** Some throw the signal's reason as it is, or wrap it. */
function isAbort(error: unknown, late: SandboxError): boolean {
  if (error === late) return true;
  return error instanceof SandboxError && (error.code === "ABORTED" || error.cause === late);
}
