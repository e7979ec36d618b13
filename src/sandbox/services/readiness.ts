import { get } from "node:http";
import type { Duplex } from "node:stream";
import type { RunningService } from "../../engine.js";
import type { OutputChunk, Ready } from "../../service.js";
import { clearTimeout, setTimeout, sleep } from "../../timers.js";
import { LineMatcher } from "./line-matcher.js";

const FIRST_POLL_MS = 5;
const POLL_MS = 100;
/** For one answer. */
const ANSWER_MS = 5000;

/** Resolves when a service is ready, or never: it is for its caller to stop waiting, by the signal. */
export async function untilReady(
  service: RunningService,
  log: () => AsyncIterable<OutputChunk>,
  ready: Ready,
  operation: string,
  signal: AbortSignal,
): Promise<void> {
  if ("log" in ready) return untilLogged(log(), ready.log, operation);
  for (let wait = FIRST_POLL_MS; !signal.aborted; wait = Math.min(wait * 2, POLL_MS)) {
    if (await service.isListening(ready.port)) {
      if (ready.path === undefined) return;
      if (await answers(service, ready.port, ready.path, signal)) return;
    }
    await sleep(wait);
  }
}

async function untilLogged(
  log: AsyncIterable<OutputChunk>,
  pattern: RegExp,
  operation: string,
): Promise<void> {
  const matchers = {
    stdout: new LineMatcher(pattern, operation),
    stderr: new LineMatcher(pattern, operation),
  };
  for await (const { stream, text } of log) if (matchers[stream].push(text)) return;
  // It has ended, which its waiter hears of.
  await new Promise(() => {});
}

/** Whether a GET is answered with a status from 200 to 399. No more of the answer is read than its head. */
async function answers(
  service: RunningService,
  port: number,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  const socket: Duplex | undefined = await service.connect(port).catch(() => undefined);
  if (!socket) return false;
  return new Promise((resolve) => {
    const settle = (ready: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", give);
      socket.destroy();
      resolve(ready);
    };
    const give = () => settle(false);
    const timer = setTimeout(give, ANSWER_MS);
    signal.addEventListener("abort", give);
    const headers = { host: `localhost:${port}`, connection: "close" };
    const asked = get({ createConnection: () => socket, path, headers });
    asked.on("response", ({ statusCode = 0 }) => settle(statusCode >= 200 && statusCode < 400));
    asked.on("error", give);
    asked.on("close", give);
  });
}
