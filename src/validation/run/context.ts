import type { Capabilities, Engine, NetworkMode } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import type { CreateOptions } from "../../options.js";
import type { Step } from "../config/config.js";
import type { Candidate } from "../plan.js";
import type { StepId, StepKind } from "../types.js";
import type { Emitter } from "./emitter.js";
import type { Slots } from "./slots.js";

/** What all candidates of a validation share. */
export interface Run {
  emitter: Emitter;
  slots: Slots;
  repeat: number;
  fresh: boolean;
  /** The last setup of each cache key: the next with that key waits for it, and finds its snapshot. */
  setups: Map<string, Promise<unknown>>;
}

/** What the steps of one candidate work with. */
export class CandidateContext {
  readonly warnings: string[] = [];
  readonly run: Run;
  readonly candidate: Candidate;
  readonly engine: Engine;
  readonly can: Capabilities;
  /** For `Sandbox.create`. */
  readonly options: CreateOptions;
  /** Aborted by the caller, by a listener that threw, or by fail-fast. */
  readonly signal: AbortSignal;
  readonly #failFast: (what: string) => void;

  /** @throws SandboxError UNSUPPORTED for a network that was asked for and can't be had. */
  constructor(
    run: Run,
    candidate: Candidate,
    { engine, can }: { engine: Engine; can: Capabilities },
    { signal, failFast }: { signal: AbortSignal; failFast: (what: string) => void },
  ) {
    this.run = run;
    this.candidate = candidate;
    this.engine = engine;
    this.can = can;
    this.signal = signal;
    this.#failFast = failFast;
    // Every command says its own network; a sandbox must only be able to start with its default.
    const network = can.network.on === true ? "on" : "off";
    this.options = { ...candidate.create, engine, network };
    this.#checkNetworks();
  }

  id(kind: StepKind, name: string, run = 1): StepId {
    return { candidate: this.candidate.name, kind, name, run };
  }

  warn(message: string): void {
    if (this.warnings.includes(message)) return;
    this.warnings.push(message);
    this.run.emitter.emit({ type: "warning", candidate: this.candidate.name, message });
  }

  /** A check, or a stage that all of them wait for, did not pass. */
  notPassed(what: string): void {
    this.#failFast(what);
  }

  /** What nobody asked for gives way to what the engine can, and the report says so. */
  networkOf(kind: StepKind, step: Step): NetworkMode {
    const asked = this.candidate.environment.networkOf(step);
    if (asked !== undefined) return asked;
    const [wanted, other] = kind === "check" ? (["off", "on"] as const) : (["on", "off"] as const);
    const lack = this.can.network[wanted];
    if (lack === true) return wanted;
    const who = kind === "check" ? "checks run" : `${kind} runs`;
    this.warn(
      `${who} with network ${other}: the engine ${this.engine.name} can't have it ${wanted} here: ${lack}`,
    );
    return other;
  }

  #checkNetworks(): void {
    const { setup, build, checks } = this.candidate.config;
    for (const step of [setup, build, ...checks]) {
      const asked = step && this.candidate.environment.networkOf(step);
      const lack = asked && this.can.network[asked];
      if (lack === undefined || lack === true) continue;
      throw new SandboxError(
        "UNSUPPORTED",
        `validate: network "${asked}" is not supported by the engine "${this.engine.name}" here: ${lack}`,
        { operation: "validate" },
      );
    }
  }
}
