import type { NetworkMode } from "../engine.js";
import type { Config, Step } from "./config.js";
import { invalid } from "./invalid.js";
import type { StepKind, ValidateSpec } from "./types.js";

type Values = Readonly<Record<string, string>>;

/** Which variables, secrets and network each step of a candidate gets. */
export class Environment {
  readonly #spec: ValidateSpec;
  readonly #config: Config;

  /** @throws SandboxError INVALID_ARGUMENT for a variable that the config names and the host doesn't have. */
  constructor(spec: ValidateSpec, config: Config) {
    this.#spec = spec;
    this.#config = config;
    this.allSecrets();
    for (const step of this.#steps()) this.envOf(step);
  }

  envOf(step: Step): Values {
    if (step.env !== undefined) return this.#values("env", step.env);
    return { ...this.#values("env", this.#config.env), ...this.#spec.env };
  }

  /** Setup and build run with network and the project's own scripts: no secrets unless listed for them. */
  secretsOf(kind: StepKind, step: Step): Values {
    if (step.secrets !== undefined) return this.#values("secrets", step.secrets);
    return kind === "check"
      ? { ...this.#values("secrets", this.#config.secrets), ...this.#spec.secrets }
      : {};
  }

  /** Undefined: off where the engine can. */
  networkOf(kind: StepKind, step: Step): NetworkMode | undefined {
    return (
      step.network ?? this.#spec.network ?? this.#config.network ?? (kind === "check" ? undefined : "on")
    );
  }

  allSecrets(): string[] {
    const { checks, setup, build, secrets } = this.#config;
    const listed = [secrets, ...[setup, build, ...checks].map((step) => step?.secrets ?? [])].flat();
    return [...Object.values(this.#values("secrets", listed)), ...Object.values(this.#spec.secrets ?? {})];
  }

  #steps(): Step[] {
    const { checks, setup, build } = this.#config;
    return [setup, build, ...checks].filter((step) => step !== undefined);
  }

  #values(kind: "env" | "secrets", names: readonly string[]): Values {
    return Object.fromEntries(
      names.map((name) => {
        const value = this.#spec[kind]?.[name] ?? process.env[name];
        if (value !== undefined) return [name, value];
        throw invalid(
          `${this.#config.from}: ${kind} names ${name}, which is not set. Export it, or take it out.`,
          {
            path: this.#config.from,
          },
        );
      }),
    );
  }
}
