import { describe, expect, it } from "vitest";
import { CLOSING, Queue } from "../../../src/sandbox/queue.js";

/** A task that ends when the test says so. */
function task() {
  let end: (value: string) => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const ended = new Promise<string>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return { run: () => ended, end, fail };
}

describe("the queue", () => {
  it("starts a task at once when nothing is before it", () => {
    let started = false;
    void new Queue().run("read", undefined, async () => {
      started = true;
    });
    expect(started).toBe(true);
  });

  it("runs one at a time, in the order they were issued", async () => {
    const queue = new Queue();
    const log: string[] = [];
    const jobs = Array.from({ length: 20 }, (_, i) =>
      queue.run("exec", undefined, async () => {
        log.push(`start ${i}`);
        for (let turn = 0; turn < (i * 7) % 5; turn++) await undefined;
        log.push(`end ${i}`);
      }),
    );
    await Promise.all(jobs);
    expect(log).toEqual(Array.from({ length: 20 }, (_, i) => [`start ${i}`, `end ${i}`]).flat());
  });

  it("goes on after a task that failed", async () => {
    const queue = new Queue();
    const failing = queue.run("exec", undefined, () => Promise.reject(new Error("no")));
    const next = queue.run("exec", undefined, async () => "ran");
    await expect(failing).rejects.toThrow("no");
    await expect(next).resolves.toBe("ran");
  });

  it("never runs what is aborted while it waits, and tells it at once", async () => {
    const queue = new Queue();
    const first = task();
    const controller = new AbortController();
    let ran = false;
    const running = queue.run("exec", undefined, first.run);
    const waiting = queue.run("writeFile", controller.signal, async () => {
      ran = true;
    });
    controller.abort("enough");
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED", operation: "writeFile", cause: "enough" });
    first.end("done");
    await expect(running).resolves.toBe("done");
    await queue.run("exec", undefined, async () => undefined);
    expect(ran).toBe(false);
  });

  it("aborts the signal of a running task with the caller's reason", async () => {
    const controller = new AbortController();
    const seen = new Queue().run(
      "exec",
      controller.signal,
      (stop) => new Promise((resolve) => stop.addEventListener("abort", () => resolve(stop.reason))),
    );
    controller.abort("why");
    await expect(seen).resolves.toBe("why");
  });

  it("close refuses what waits, stops what runs and resolves when that has ended", async () => {
    const queue = new Queue();
    const first = task();
    let reason: unknown;
    const running = queue.run("exec", undefined, (stop) => {
      stop.addEventListener("abort", () => {
        reason = stop.reason;
      });
      return first.run();
    });
    const waiting = queue.run("readFile", undefined, async () => "never");
    let closed = false;
    const closing = queue.close().then(() => {
      closed = true;
    });
    await expect(waiting).rejects.toMatchObject({ code: "CLOSED", operation: "readFile" });
    expect([reason, closed]).toEqual([CLOSING, false]);
    first.end("ended");
    await closing;
    await expect(running).resolves.toBe("ended");
    await expect(queue.run("exec", undefined, async () => "never")).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("leaves no listener on a signal that lives longer than the operations", async () => {
    const queue = new Queue();
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = ((...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    }) as typeof signal.addEventListener;
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    }) as typeof signal.removeEventListener;
    await Promise.all(Array.from({ length: 10 }, () => queue.run("stat", signal, async () => undefined)));
    expect(listeners).toBe(0);
  });
});
