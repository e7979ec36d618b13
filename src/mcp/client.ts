import { Sandbox } from "../sandbox/sandbox.js";
import { Box } from "./box.js";
import { ToolError } from "./errors.js";
import type { McpOptions } from "./options.js";
import { type Outcome, Run, type RunKind } from "./runs/run.js";

/** Runs that have ended and can still be asked for. */
const MOST_ENDED = 32;
/** Characters of output of those: a stranger's project may have 200 checks that all print as much as is kept. */
const MOST_KEPT = 64 * 1024 * 1024;
const MOST_RUNNING = 32;
const MOST_IDS = 20;
const LONGEST_WHAT = 1000;

/** What one client has: nobody else can name it. Each method that takes an id says which ones exist where it is none. */
export class Client {
  readonly #options: McpOptions;
  readonly #boxes = new Map<string, Box>();
  readonly #runs = new Map<string, Run>();
  #opening = 0;
  readonly #closing = new AbortController();

  constructor(options: McpOptions) {
    this.#options = options;
  }

  get boxes(): readonly Box[] {
    return [...this.#boxes.values()];
  }

  get runs(): readonly Run[] {
    return [...this.#runs.values()];
  }

  box(id: string): Box {
    const box = this.#boxes.get(id);
    if (!box)
      throw new ToolError("NO_SUCH_SANDBOX", `There is no sandbox ${id.slice(0, 80)}.`, this.#nextSandbox());
    box.touch();
    return box;
  }

  run(id: string): Run {
    const run = this.#runs.get(id);
    if (run) return run;
    const next = "Use a run_id that exec or validate gave; of those that ended, the last are kept.";
    throw new ToolError("NO_SUCH_RUN", `There is no run ${id.slice(0, 80)}.`, next);
  }

  create(signal: AbortSignal): Promise<Box> {
    const { sandbox, readOnlyPaths, timeoutMs } = this.#options;
    return this.#open(async () => {
      const given = {
        ...sandbox,
        readOnlyPaths,
        timeoutMs,
        limits: { outputBytes: KEPT_BYTES, ...sandbox.limits },
      };
      return new Box(await Sandbox.create({ ...given, signal }));
    });
  }

  fork(parent: Box, signal: AbortSignal): Promise<Box> {
    return this.#open(async () => {
      const box = new Box(await parent.sandbox.fork({ signal }), parent.id);
      box.untouched = parent.untouched;
      return box;
    });
  }

  async close(box: Box): Promise<void> {
    this.#boxes.delete(box.id);
    await box.sandbox.close();
    await Promise.all([...box.running].map((run) => run.done));
  }

  /** Starts something that may outlive its request. */
  start(
    kind: RunKind,
    what: string,
    box: Box | undefined,
    work: (run: Run, signal: AbortSignal) => Promise<Outcome>,
  ): Run {
    const running = this.runs.filter(({ state }) => state === "running");
    if (running.length >= MOST_RUNNING)
      throw tooMany("runs", MOST_RUNNING, "Wait for one with get_run, or end one with stop_run.");
    const run = new Run({ kind, what: what.slice(0, LONGEST_WHAT), sandboxId: box?.id }, work);
    this.#runs.set(run.id, run);
    box?.running.add(run);
    void run.done.then(() => {
      box?.running.delete(run);
      box?.touch();
      this.#forgetOldest();
    });
    return run;
  }

  /** Closes what nobody used for this long. */
  async expire(idleMs: number): Promise<void> {
    await Promise.allSettled(this.boxes.filter((box) => box.idleMs >= idleMs).map((box) => this.close(box)));
  }

  /** Ends everything. Resolves when nothing of it is alive. */
  async end(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([
      ...this.runs.map((run) => run.stop("the server ends")),
      ...this.boxes.map((box) => this.close(box)),
    ]);
  }

  async #open(make: () => Promise<Box>): Promise<Box> {
    const { maxSandboxes } = this.#options;
    if (this.#boxes.size + this.#opening >= maxSandboxes)
      throw tooMany("sandboxes", maxSandboxes, `Close one with close_sandbox. ${this.#nextSandbox()}`);
    this.#opening += 1;
    try {
      const box = await make();
      if (this.#closing.signal.aborted) {
        await box.sandbox.close();
        throw new ToolError("CLOSED", "The server ends.", "Connect to it again.");
      }
      this.#boxes.set(box.id, box);
      return box;
    } finally {
      this.#opening -= 1;
    }
  }

  #forgetOldest(): void {
    const ended = this.runs.filter(({ state }) => state !== "running").reverse();
    let kept = 0;
    for (const [index, run] of ended.entries()) {
      for (const output of run.outputs.values()) kept += output.length - output.lost;
      if (index >= MOST_ENDED || (index > 0 && kept > MOST_KEPT)) this.#runs.delete(run.id);
    }
  }

  #nextSandbox(): string {
    const ids = [...this.#boxes.keys()].slice(-MOST_IDS);
    return ids.length === 0 ? "There is none: call create_sandbox." : `There are: ${ids.join(", ")}.`;
  }
}

/** What the engine keeps of an output for the result; the run keeps its own. */
const KEPT_BYTES = 1024 * 1024;

function tooMany(what: string, most: number, next: string): ToolError {
  return new ToolError("LIMIT", `There are ${most} ${what} already, which is the most for one client.`, next);
}
