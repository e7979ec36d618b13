// What forkbox itself does with sandboxes, below the public API.
import { checkEnv, checkSecrets } from "../arguments/arguments.js";
import type { CreateOptions } from "../options.js";
import type { Redactor } from "../redaction/redactor.js";
import { addVariables, startCore, withEngine } from "./core.js";
import { changeSettings, type ForkOptions, requireSettings } from "./create-arguments.js";
import { coreOf, fromCore, type Sandbox } from "./sandbox.js";

/** A sandbox on the snapshot kept under a key; undefined when there is none. */
export async function createFromKept(key: string, options: CreateOptions): Promise<Sandbox | undefined> {
  const core = await startCore(options, (engine, base, { signal }) => engine.find(key, base, signal));
  return core && fromCore(core);
}

/** Keeps a sandbox's files under a key, after everything issued before. */
export function keepSandbox(sandbox: Sandbox, key: string, signal?: AbortSignal): Promise<void> {
  return coreOf(sandbox).run("keep", { ...(signal && { signal }) }, async (context) => ({
    value: await context.engine.keep(key, context.state.snapshot, context.signal),
  }));
}

/** The next that looks for the key finds nothing. */
export function forgetKept(key: string, options: CreateOptions): Promise<void> {
  return withEngine(options, options.base, ({ engine }) => engine.forget(key));
}

/** A fork with other settings; env and secrets are added to what it inherits. */
export async function forkWith(sandbox: Sandbox, options: ForkOptions): Promise<Sandbox> {
  const core = coreOf(sandbox);
  const env = checkEnv(options.env, "fork");
  const secrets = checkSecrets(options.secrets, "fork");
  const fork = await core.run("fork", options, async ({ engine, settings, state, signal }) => {
    const changed = changeSettings(settings, options);
    requireSettings(engine.name, await engine.capabilities(signal), changed);
    return { value: await core.copy(changed, addVariables(state, env, secrets), true) };
  });
  return fromCore(fork);
}

/** Knows every secret of a sandbox. */
export function redactorOf(sandbox: Sandbox): Redactor {
  return coreOf(sandbox).redactor;
}
