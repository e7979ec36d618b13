import { setTimeout as sleep } from "node:timers/promises";

/** How soon after its cause a fault must be an error. */
export const SOON_MS = 5000;

/** Settles as the promise does; rejects when that takes longer than it may. */
export async function within<T>(promise: Promise<T>, ms = SOON_MS): Promise<T> {
  const stop = new AbortController();
  const late = sleep(ms, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`not settled within ${ms} ms`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
  }
}
