import { SandboxError } from "../../errors.js";
import type { Sandbox } from "../../sandbox/sandbox.js";
import type { Outcome } from "./outcome.js";

/**
 * A sandbox that later steps fork from. When it is lost with its engine, it is made again: once for all of them, and
 * where that failed, for the next step anew.
 */
export class Ground {
  #sandbox: Promise<Sandbox>;
  readonly #remake: () => Promise<Sandbox>;

  constructor(sandbox: Sandbox, remake: () => Promise<Sandbox>) {
    this.#sandbox = Promise.resolve(sandbox);
    this.#remake = remake;
  }

  /** `again`: a step lost its engine, which may have had this, too. */
  async get(again: boolean): Promise<Sandbox> {
    const sandbox = this.#sandbox;
    const gone = await sandbox.then(
      (made) => again && isLost(made),
      (error) => !(error instanceof OtherEnd),
    );
    if (gone && this.#sandbox === sandbox) this.#sandbox = this.#renew();
    return this.#sandbox;
  }

  async close(): Promise<void> {
    await (await this.#sandbox.catch(() => undefined))?.close();
  }

  async #renew(): Promise<Sandbox> {
    await this.close();
    return this.#remake();
  }
}

/** Some engines keep their snapshots when what holds them dies, others don't. */
export async function isLost(sandbox: Sandbox): Promise<boolean> {
  try {
    await sandbox.stat(".");
    return false;
  } catch (error) {
    return error instanceof SandboxError && error.code === "ENGINE_LOST";
  }
}

/** A step that was run again has come to an end of its own, which one more run would hardly change. */
class OtherEnd extends SandboxError {}

/** The end of a step that passed before, run again for the sake of what comes after it. */
export function endOf(name: string, { outcome, end }: { outcome: Outcome; end?: Sandbox }): Sandbox {
  if (end !== undefined) return end;
  const message = `validate: the engine was lost, and ${name}, which had passed, did not when it was run again: ${outcome.reason}`;
  const couldNotRun = outcome.verdict === "error" && outcome.error !== undefined;
  throw new (couldNotRun ? SandboxError : OtherEnd)("ENGINE_LOST", message, { operation: "validate" });
}
