import { performance } from "../timers.js";
import { EXIT } from "./failure.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

// npm and npx pass Ctrl-C on to a child that the terminal has already told: that is one press, not two.
const ONE_PRESS_MS = 300;

/**
 * Runs work that Ctrl-C can stop: the first one aborts the signal, so that the work cleans up behind itself,
 * a second one ends the process. A reader of stdout that goes away (`| head`) stops it, too.
 * Gives the exit code of what happened.
 */
export async function interruptible(
  work: (signal: AbortSignal) => Promise<number>,
  notify: () => void = sayStopping,
): Promise<number> {
  const controller = new AbortController();
  let stopped: number | undefined;
  let pressedAt = 0;
  const stop = (exitCode: number, reason: string) => {
    if (stopped === undefined) {
      stopped = exitCode;
      pressedAt = performance.now();
      controller.abort(new Error(reason));
    } else if (performance.now() - pressedAt > ONE_PRESS_MS) {
      process.exit(stopped);
    }
  };
  const onSignal = (name: string) => {
    if (stopped === undefined) notify();
    stop(EXIT.interrupted, `interrupted by ${name}`);
  };
  const onPipe = (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") stop(EXIT.brokenPipe, "nobody reads the output");
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  process.stdout.on("error", onPipe);
  try {
    const exitCode = await work(controller.signal);
    return stopped ?? exitCode;
  } catch (error) {
    if (stopped !== undefined) return stopped;
    throw error;
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
    process.stdout.off("error", onPipe);
  }
}

function sayStopping(): void {
  if (process.stderr.isTTY) process.stderr.write(`\nforkbox: ${STOPPING}\n`);
}

export const STOPPING = "stopping and cleaning up (Ctrl-C again to end at once)";
