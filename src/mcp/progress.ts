import type { ServerContext } from "@modelcontextprotocol/server";
import type { Redactor } from "../redaction/redactor.js";
import { clearInterval, performance, setInterval } from "../timers.js";
import { shown } from "./runs/shown.js";

const EVERY_MS = 5000;
const LONGEST_LINE = 300;

/** Tells a client that gave a progress token, every 5 s, that it goes on: it may then wait for longer. */
export async function heartbeat<T>(
  { mcpReq }: ServerContext,
  redactor: Redactor,
  newest: () => string,
  done: Promise<T>,
): Promise<T> {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return done;
  const started = performance.now();
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - started) / 1000);
    const line = redactor.redactText(shown(newest())).trim().slice(-LONGEST_LINE);
    const message = `${seconds} s${line === "" ? "" : `: ${line}`}`;
    const params = { progressToken, progress: seconds, message };
    // A client that is gone is noticed by its signal.
    mcpReq.notify({ method: "notifications/progress", params }).catch(() => undefined);
  }, EVERY_MS);
  try {
    return await done;
  } finally {
    clearInterval(timer);
  }
}
