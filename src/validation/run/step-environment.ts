import type { Values } from "../../arguments/variables.js";
import type { NetworkMode } from "../../engine.js";
import { callerSecrets, secretValues, splitVariables, withVariables } from "../../sandbox/environment.js";
import type { Config, Step } from "../config/config.js";
import { invalid } from "../config/invalid.js";
import type { StepKind, ValidateSpec } from "../types.js";

/** Which variables, secrets and network each step of a candidate gets. */
export class StepEnvironment {
  readonly #spec: ValidateSpec;
  readonly #config: Config;
  /** Values to redact everywhere: a check that starts from another's end can print what that one wrote. */
  readonly allSecrets: readonly string[];

  /** @throws SandboxError INVALID_ARGUMENT for a variable that the config names and the host doesn't have. */
  constructor(spec: ValidateSpec, config: Config) {
    this.#spec = spec;
    this.#config = config;
    const { setup, build, checks } = config;
    const steps: [StepKind, Step | undefined][] = [
      ["setup", setup],
      ["build", build],
      ...checks.map((check): [StepKind, Step] => ["check", check]),
    ];
    const ofSteps = steps.flatMap(([kind, step]) => (step ? Object.values(this.of(kind, step).secrets) : []));
    this.allSecrets = [
      ...callerSecrets(),
      ...secretValues(withVariables(new Map(), {}, spec.secrets)),
      ...ofSteps,
    ];
  }

  /**
   * Checks also get CI=1: some test runners watch for changes without it. Setup and build run the project's own scripts with network, so they get no secrets unless listed for them.
   */
  of(kind: StepKind, step: Step): { env: Values; secrets: Values } {
    const env = step.env
      ? this.#values("env", step.env)
      : { ...this.#values("env", this.#config.env), ...this.#spec.env };
    const fromConfig = step.secrets ?? (kind === "check" ? this.#config.secrets : []);
    const fromSpec = step.secrets === undefined && kind === "check" ? this.#spec.secrets : {};
    const secrets = { ...this.#values("secrets", fromConfig), ...fromSpec };
    const ci = kind === "check" ? { CI: "1" } : {};
    return splitVariables(withVariables(new Map(), { ...ci, ...env }, secrets));
  }

  /** The network somebody asked for. */
  networkOf(step: Step): NetworkMode | undefined {
    return this.#spec.network ?? step.network ?? this.#config.network;
  }

  #values(kind: "env" | "secrets", names: readonly string[]): Values {
    return Object.fromEntries(
      names.map((name) => {
        const value = this.#spec[kind]?.[name] ?? process.env[name];
        if (value !== undefined) return [name, value];
        const { from } = this.#config;
        throw invalid(`${from}: ${kind} names ${name}, which is not set. Export it, or take it out.`, {
          path: from,
        });
      }),
    );
  }
}
