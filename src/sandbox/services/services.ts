import { invalid } from "../../arguments/arguments.js";
import { absolutePath } from "../../arguments/paths.js";
import { SandboxError } from "../../errors.js";
import type { Redactor } from "../../redaction/redactor.js";
import type { Service, StopOptions } from "../../service.js";
import { requireServices } from "../create-arguments.js";
import { secretValues, splitVariables, withVariables } from "../environment.js";
import { stopError } from "../queue.js";
import type { Context, Step } from "../state.js";
import { Handle } from "./handle.js";
import type { Recipe, Room } from "./recipe.js";
import type { StartCall } from "./start-call.js";

/** What runs a step in its turn. */
export type InTurn = (
  operation: string,
  options: StopOptions,
  step: (context: Context) => Promise<Step<void>>,
) => Promise<void>;

/** The services of one sandbox. */
export class Services {
  readonly #all = new Map<string, Handle>();
  #closed = false;

  constructor(
    private readonly room: Room,
    private readonly inTurn: InTurn,
  ) {}

  /** Those that run, and those that a fork has yet to start. */
  get living(): Handle[] {
    return [...this.#all.values()].filter(({ ended }) => !ended);
  }

  get(name: string): Service {
    const found = this.#all.get(name);
    if (found) return found;
    const names = [...this.#all.keys()].join(", ") || "none";
    const message = `service: there is no service ${JSON.stringify(name)} in this sandbox. There is: ${names}.`;
    throw new SandboxError("NOT_FOUND", message, { operation: "service" });
  }

  /** Starts one, and waits until it is ready. */
  async start(call: StartCall, context: Context): Promise<Step<Service>> {
    const { engine, state, signal } = context;
    requireServices(engine.name, await engine.capabilities(signal), "start");
    const name = this.#freeName(call.name);
    const variables = withVariables(state.variables, call.env, call.secrets);
    const redactor = state.redactor.with(secretValues(variables));
    const cwd = absolutePath(state.workdir, call.cwd, "start");
    const request = { argv: call.argv, cwd, ...splitVariables(variables) };
    await context.beforeCommand(redactor);
    engine.retain(state.snapshot);
    const service = this.#add({ name, call, from: state.snapshot, request, redactor });
    const abort = () => service.kill();
    signal.addEventListener("abort", abort);
    try {
      await service.publish();
      await service.start();
      if (signal.aborted) throw stopError("start", signal.reason);
    } catch (error) {
      service.kill();
      await service.exited;
      this.#remove(service);
      throw signal.aborted ? stopError("start", signal.reason) : error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
    // Its secrets may come out of every other command from now on.
    return { value: service, next: { ...state, redactor } };
  }

  /** Has the same services ready to be started here. */
  async inherit(others: readonly Handle[]): Promise<void> {
    for (const { recipe } of others) {
      this.room.engine.retain(recipe.from);
      // The callbacks are for the output of the one that they were given to.
      const call = { ...recipe.call, onStdout: undefined, onStderr: undefined };
      await this.#add({ ...recipe, call }).publish();
    }
  }

  /** Before a command: what it may ask runs, and knows what it must not print. */
  async meet(redactor: Redactor, signal: AbortSignal): Promise<void> {
    if (this.#all.size === 0) return;
    for (const service of this.living) {
      service.learn(redactor);
      await untilAborted(service.start(), signal);
    }
  }

  learn(redactor: Redactor): void {
    for (const service of this.#all.values()) service.learn(redactor);
  }

  /** Resolves when no process of them is alive. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#all.values()];
    for (const service of all) service.kill();
    await Promise.all(all.map(({ exited }) => exited));
    for (const service of all) this.#remove(service);
  }

  #add(recipe: Recipe): Handle {
    const service = new Handle(recipe, this.room, (which, options) => this.#stop(which, options));
    const before = this.#all.get(recipe.name);
    if (before) this.#remove(before);
    this.#all.set(recipe.name, service);
    if (this.#closed) service.kill();
    return service;
  }

  #stop(service: Handle, options: StopOptions): Promise<void> {
    return this.inTurn("stop", options, async ({ state, signal }) => {
      if (this.#all.get(service.name) !== service) return { value: undefined };
      try {
        const snapshot = await service.finish(options.keep ?? false, state.snapshot, signal);
        return snapshot ? { value: undefined, next: { ...state, snapshot } } : { value: undefined };
      } finally {
        this.#remove(service);
      }
    });
  }

  /** Once. */
  #remove(service: Handle): void {
    if (this.#all.get(service.name) !== service) return;
    this.#all.delete(service.name);
    service.dispose();
  }

  #freeName(asked: string | undefined): string {
    const isTaken = (name: string) => this.#all.get(name)?.ended === false;
    if (asked !== undefined) {
      if (!isTaken(asked)) return asked;
      throw invalid(
        "start",
        `there is a service ${JSON.stringify(asked)} already. Stop that, or give this another name`,
      );
    }
    for (let number = 1; ; number++) {
      const name = number === 1 ? "service" : `service-${number}`;
      if (!isTaken(name)) return name;
    }
  }
}

async function untilAborted(started: Promise<void>, signal: AbortSignal): Promise<void> {
  let leave: () => void = () => undefined;
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(stopError("exec", signal.reason));
    signal.addEventListener("abort", leave);
  });
  try {
    if (signal.aborted) leave();
    await Promise.race([started, left]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
