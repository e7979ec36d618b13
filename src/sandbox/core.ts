import type { Values } from "../arguments/variables.js";
import type { Base, Engine, Snapshot } from "../engine.js";
import { type EngineLease, leaseEngine } from "../engines/choose.js";
import type { CreateOptions, OperationOptions } from "../options.js";
import { Redactor } from "../redaction/redactor.js";
import {
  type Creation,
  checkCreation,
  requireBase,
  requireSettings,
  type Settings,
} from "./create-arguments.js";
import { callerSecrets, secretValues, withVariables } from "./environment.js";
import { failure } from "./failure.js";
import { CLOSING, Queue, stopError } from "./queue.js";
import { Services } from "./services/services.js";
import type { Context, State, Step } from "./state.js";

/** What a {@link Sandbox} is made of: an engine, settings, a queue, and the state that operations replace. */
export class Core {
  readonly settings: Settings;
  readonly services: Services;
  readonly #lease: EngineLease;
  readonly #queue = new Queue();
  readonly #id = Symbol("sandbox");
  #state: State;
  #closing: Promise<void> | undefined;

  /** Owns one reference on the state's snapshot, and one hold of the lease. */
  constructor(lease: EngineLease, settings: Settings, state: State) {
    this.#lease = lease;
    this.settings = settings;
    this.#state = state;
    const room = { engine: lease.engine, sandbox: this.#id, settings };
    this.services = new Services(room, (operation, options, step) => this.run(operation, options, step));
  }

  get redactor(): Redactor {
    return this.#state.redactor;
  }

  /** Every operation goes through here: its turn, its transaction, its errors. */
  run<T>(
    operation: string,
    options: OperationOptions,
    step: (context: Context) => Promise<Step<T>>,
  ): Promise<T> {
    return this.#queue.run(operation, options.signal, async (signal) => {
      const state = this.#state;
      try {
        const { engine } = this.#lease;
        const beforeCommand = (redactor: Redactor) => this.services.meet(redactor, signal);
        const context = { engine, settings: this.settings, sandbox: this.#id, state, signal, beforeCommand };
        const { value, next } = await step(context);
        if (next) this.#state = next;
        if (next && next.redactor !== state.redactor) this.services.learn(next.redactor);
        return value;
      } catch (error) {
        throw failure(operation, error, signal, state.redactor);
      }
    });
  }

  /** Sets variables for what is issued after this. */
  setVariables(operation: string, env: Values, secrets: Values): void {
    if (this.#queue.closed) throw stopError(operation, CLOSING);
    const set = this.run(operation, {}, async ({ state }) => ({
      value: undefined,
      next: addVariables(state, env, secrets),
    }));
    // Only closing can refuse it, and then nothing is left to see it.
    set.catch(() => undefined);
  }

  /** Keeps a snapshot, and the engine that has it, for longer than a step. */
  hold(snapshot: Snapshot): { engine: Engine; letGo: () => Promise<void> } {
    const { engine } = this.#lease;
    engine.retain(snapshot);
    this.#lease.retain();
    const letGo = async () => {
      engine.release(snapshot);
      await this.#lease.release();
    };
    return { engine, letGo };
  }

  /** For a step that forks: a second core on the same snapshot. */
  async copy(settings: Settings, state: State, services: boolean): Promise<Core> {
    this.#lease.engine.retain(state.snapshot);
    this.#lease.retain();
    const copy = new Core(this.#lease, settings, state);
    try {
      if (services) await copy.services.inherit(this.services.living);
      return copy;
    } catch (error) {
      await copy.close();
      throw error;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    await Promise.all([this.#queue.close(), this.services.close()]);
    this.#lease.engine.release(this.#state.snapshot);
    await this.#lease.release();
  }
}

export function addVariables(state: State, env: Values, secrets: Values): State {
  const variables = withVariables(state.variables, env, secrets);
  return { ...state, variables, redactor: state.redactor.with(secretValues(variables)) };
}

/** Starts a core on what `open` gives; none when it gives none. */
export async function startCore(
  options: CreateOptions,
  open: (engine: Engine, base: Base, creation: Creation) => Promise<Snapshot | undefined>,
): Promise<Core | undefined> {
  const creation = checkCreation(options);
  return withEngine(creation, creation.base, async (lease, base) => {
    const { settings, workdir, env, secrets, signal } = creation;
    const { engine } = lease;
    const can = await engine.capabilities(signal);
    requireBase(engine.name, can, base);
    requireSettings(engine.name, can, settings);
    const snapshot = await open(engine, base, creation);
    if (!snapshot) return undefined;
    const imports = new Map();
    const redactor = Redactor.of(callerSecrets());
    const blank: State = { snapshot, workdir, variables: new Map(), imports, redactor };
    lease.retain();
    return new Core(lease, settings, addVariables(blank, env, secrets));
  });
}

/** Lends the engine of the options; what needs it for longer retains the lease. */
export async function withEngine<T>(
  options: Partial<Pick<Creation, "engine" | "secrets" | "env" | "signal">>,
  base: Base | undefined,
  use: (lease: EngineLease, base: Base) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  let lease: EngineLease | undefined;
  try {
    signal?.throwIfAborted();
    lease = await leaseEngine(options.engine, base, signal);
    return await use(lease, base ?? lease.engine.defaultBase);
  } catch (error) {
    const known = secretValues(withVariables(new Map(), options.env, options.secrets));
    throw failure("create", error, signal, Redactor.of([...callerSecrets(), ...known]));
  } finally {
    await lease?.release();
  }
}
