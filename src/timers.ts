/**
 * The clocks and timers of this process as they were when forkbox was loaded. Tests of a caller put fakes in their
 * place (`vi.useFakeTimers`, `jest.useFakeTimers`, sinon): a deadline that runs on those never comes.
 */
import { performance as nodePerformance } from "node:perf_hooks";
import * as timers from "node:timers";
import { setTimeout as nodeSleep } from "node:timers/promises";

export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = { ...timers };
export const sleep = nodeSleep;

const now = nodePerformance.now.bind(nodePerformance);
export const performance = { now };

/** Milliseconds since the epoch, for ages of files: what a caller shall see is a `Date` of its own. */
export const wallClock = Date.now;

/** Until the events that are there have been handled. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
