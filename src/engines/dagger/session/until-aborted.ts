import { setMaxListeners } from "node:events";
import { aborted } from "./errors.js";

/** Who waits, and until when. */
export interface Waiter {
  operation: string;
  signal?: AbortSignal | undefined;
}

/** What a promise gives, unless the waiter's signal is aborted before: then ABORTED, and the work goes on. */
export async function untilAborted<T>(promise: Promise<T>, { operation, signal }: Waiter): Promise<T> {
  if (!signal) return promise;
  // One operation asks many things at once: more than are taken for a leak.
  setMaxListeners(0, signal);
  let stop: () => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(aborted(operation, signal));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
