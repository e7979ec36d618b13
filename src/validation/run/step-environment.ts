import type { Values } from "../../arguments/variables.js";
import type { NetworkMode } from "../../engine.js";
import { callerSecrets, secretValues, splitVariables, withVariables } from "../../sandbox/environment.js";
import type { Config, Step } from "../config/config.js";
import { invalid } from "../config/invalid.js";
import type { Registries } from "../registries/registries.js";
import type { StepKind, ValidateSpec } from "../types.js";

/** Which variables, secrets and network each step of a candidate gets. */
export class StepEnvironment {
  readonly #spec: ValidateSpec;
  readonly #config: Config;
  readonly #registries: Registries;
  /** Values to redact everywhere: a check that starts from another's end can print what that one wrote. */
  readonly allSecrets: readonly string[];

  /** @throws SandboxError INVALID_ARGUMENT for a variable that the config names and the host doesn't have. */
  constructor(spec: ValidateSpec, config: Config, registries: Registries) {
    this.#spec = spec;
    this.#config = config;
    this.#registries = registries;
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
      ...registries.tokens,
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
    const registries = this.#registriesOf(kind, step);
    return splitVariables(
      withVariables(
        withVariables(new Map(), registries?.env, registries?.secrets),
        { ...ci, ...env },
        secrets,
      ),
    );
  }

  /** Engines hand the caller's proxies on without. */
  lacksProxyPassword(kind: StepKind, step: Step): boolean {
    const given = Object.values(this.of(kind, step).secrets);
    return (
      this.networkOf(step) !== "off" &&
      callerSecrets().some((one) => !given.some((value) => value.includes(one)))
    );
  }

  /** As it is run: where it gets files of registries, it finds them. */
  command(kind: StepKind, step: Step, command: string): string {
    return this.#registriesOf(kind, step)?.command(command) ?? command;
  }

  /** Checks have no reason to install, and what has no network none to log in. */
  #registriesOf(kind: StepKind, step: Step): Registries | undefined {
    return kind === "check" || this.networkOf(step) === "off" ? undefined : this.#registries;
  }

  /** Of registries: variables hold them among others. */
  get tokens(): readonly string[] {
    return this.#registries.tokens;
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
