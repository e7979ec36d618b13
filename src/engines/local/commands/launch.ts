import { randomInt } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import type { OnBytes } from "../../../engine.js";
import { clearInterval, setImmediate, setInterval, setTimeout, sleep } from "../../../timers.js";
import type { Holder } from "../holder/holder.js";
import type { Owner } from "../holder/ids.js";
import { type Init, untilDead } from "./proof.js";
import type { Slot } from "./slots.js";

/** What a launch needs; see `launch` in holder.sh. */
export interface LaunchPlan {
  view: string;
  top: string;
  lower: string;
  /** Whether its processes get pids that those of earlier commands hardly had. */
  scattered: boolean;
  /** What runs before bwrap in its place: nsenter for another user or network. */
  enter: readonly string[];
  /** Options of bwrap, as latin1 strings of their bytes. They go through a pipe: secrets among them must be in nobody's arguments. */
  options: readonly string[];
  argv: readonly string[];
  stdin: AsyncIterable<Uint8Array> | undefined;
  /** Whoever the command runs as. */
  owner: Owner;
}

export type LaunchEnd =
  | { kind: "exited"; exitCode: number }
  /** The walls could not be put up; `reason` is what the system said. */
  | { kind: "failed"; reason: string }
  /** The caller's input threw. */
  | { kind: "input"; cause: unknown }
  /** It can't be shown that all of it is dead: nobody may touch its view any more. */
  | { kind: "undead" };

/** A command that was launched. */
export interface Launched {
  /** Resolves when no process of it is alive and all it printed has been given to `onBytes`. */
  readonly ended: Promise<LaunchEnd>;
  /** Kills the whole tree. */
  kill(): void;
  /** Process 1 of its pid namespace, once its walls stand. Never settles for a command that ends before. */
  readonly init: Promise<Init>;
}

/** Has the holder start bwrap with a command in it. */
export function launch(holder: Holder, slot: Slot, plan: LaunchPlan, onBytes: OnBytes): Launched {
  let killed = false;
  let init: Init | undefined; // process 1 of the command's pid namespace: with it everything in there dies
  let code: number | undefined;
  let broken: LaunchEnd | undefined;
  let tellInit: (init: Init) => void;
  const known = new Promise<Init>((resolve) => {
    tellInit = resolve;
  });
  const kill = () => {
    killed = true;
    if (init) holder.send("stop", init.pid);
  };
  const status = createInterface({ input: slot.status });
  const watch = watchStart(slot);
  status.on("line", (line) => {
    watch.end();
    const [, started] = /^started (\d+)$/.exec(line) ?? [];
    if (started)
      return void start(slot, plan, started).then((end) => {
        broken = end;
        if (end) kill();
      });
    const said = parse(line);
    if (said["child-pid"] !== undefined) {
      init = { pid: String(said["child-pid"]), namespace: said["pid-namespace"]?.toString() };
      tellInit(init);
    }
    if (said["exit-code"] !== undefined) code = said["exit-code"];
    if (killed) kill();
  });
  let complaint = ""; // bwrap's, where there turns out to be no command
  let draining = false; // then no pipe has more in it than it holds
  const pass = (stream: "stdout" | "stderr", bytes: Uint8Array) => {
    const taken = onBytes(stream, bytes);
    if (taken === undefined || draining) return;
    slot[stream].pause();
    void taken.finally(() => slot[stream].resume());
  };
  slot.stdout.on("data", (bytes: Uint8Array) => pass("stdout", bytes));
  slot.stderr.on("data", (bytes: Uint8Array) => {
    if (complaint.length < 2000) complaint += Buffer.from(bytes).toString("utf8", 0, 2000);
    pass("stderr", bytes);
  });
  const closed = once(slot.status, "close");
  const drained = [once(slot.stdout, "close"), once(slot.stderr, "close")];
  const descriptors = ["--args", "3", "--json-status-fd", "5", "--info-fd", "6", "--block-fd", "7"];
  const bwrap = ["bwrap", ...descriptors, "--", ...plan.argv];
  const call = [
    "launch",
    plan.scattered ? firstPid() : "0",
    plan.view,
    plan.top,
    plan.lower,
    ...plan.enter,
    ...bwrap,
  ];
  slot.call(...(plan.stdin ? ["fed"] : []), ...call);
  const ended = (async (): Promise<LaunchEnd> => {
    await Promise.race([closed, holder.ended]);
    watch.end();
    if (!(await untilDead(holder, slot, init))) {
      slot.spoil();
      return { kind: "undead" };
    }
    draining = true;
    slot.stdout.resume();
    slot.stderr.resume();
    await untilDrained(slot, Promise.all(drained));
    if (broken) return broken;
    if (code === undefined && !killed) {
      // A holder that was killed takes its commands along; its own end may be seen a little later.
      await Promise.race([holder.ended, new Promise((resolve) => setTimeout(resolve, 200))]);
      return { kind: "failed", reason: complaint.trim() };
    }
    return { kind: "exited", exitCode: code ?? 137 };
  })();
  return { ended, kill, init: known };
}

/** Up to the smallest number of pids that a kernel has, with room for the command's own; see pid_max in proc(5). */
function firstPid(): string {
  return String(randomInt(300, 30_000));
}

/** Killed while it writes, bwrap leaves a part of a line. */
function parse(line: string): { "child-pid"?: number; "pid-namespace"?: number; "exit-code"?: number } {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}

/** A pipe that nobody has opened yet never ends: who was to open it may have been killed, for its memory say. */
function watchStart(slot: Slot): { end(): void } {
  const timer = setInterval(() => {
    if (slot.isStandingBy()) return;
    clearInterval(timer);
    for (const pipe of [slot.stdout, slot.stderr, slot.status]) pipe.destroy();
  }, 100);
  return { end: () => clearInterval(timer) };
}

/** Gives what ends the command early. */
async function start(
  slot: Slot,
  { options, stdin, owner }: LaunchPlan,
  pid: string,
): Promise<LaunchEnd | undefined> {
  let writers: ReturnType<Slot["openWriters"]>;
  try {
    writers = slot.openWriters(stdin && { pid, owner });
  } catch (error) {
    return { kind: "failed", reason: (error as Error).message };
  }
  writers.args.end(options.map((option) => `${option}\0`).join(""), "latin1");
  if (!writers.stdin || !stdin) return;
  try {
    await feed(writers.stdin, stdin);
  } catch (cause) {
    return { kind: "input", cause };
  }
}

/** Rejects when the input fails; a command that leaves its input unread is no failure. */
async function feed(pipe: Socket, input: AsyncIterable<Uint8Array>): Promise<void> {
  const closed = new Promise<undefined>((resolve) => pipe.once("close", () => resolve(undefined)));
  const chunks = input[Symbol.asyncIterator]();
  try {
    for (
      let next = await Promise.race([chunks.next(), closed]);
      next && !next.done;
      next = await Promise.race([chunks.next(), closed])
    ) {
      if (pipe.destroyed) break;
      if (!pipe.write(next.value))
        await Promise.race([new Promise((resolve) => pipe.once("drain", resolve)), closed]);
    }
  } finally {
    pipe.end();
    if (pipe.destroyed) void chunks.return?.();
  }
}

/**
 * With no process of the command alive its pipes end, unless it has passed one on, through a socket that it shared
 * with another: then what is in them now is all that counts.
 */
async function untilDrained(slot: Slot, drained: Promise<unknown>): Promise<void> {
  const ended = drained.then(() => true);
  for (let left = 10, before = -1; left > 0; left--) {
    const read = slot.stdout.bytesRead + slot.stderr.bytesRead;
    if (read === before) break;
    before = read;
    if (await Promise.race([ended, sleep(100, false, { ref: false })])) return;
    // A busy event loop may be that late without having looked at the pipes.
    for (let looks = 2; looks > 0; looks--) await new Promise((resolve) => setImmediate(resolve));
  }
  slot.spoil();
  slot.stdout.destroy();
  slot.stderr.destroy();
}
