import { invalid, isRecord, shown } from "../arguments/arguments.js";
import { type Base, baseKind, type Engine } from "../engine.js";
import { SandboxError } from "../errors.js";
import type { EngineChoice } from "../options.js";
import { local } from "./local/index.js";

const operation = "create";
const NAMES = ["auto", "local", "dagger"] as const;
type EngineName = "local" | "dagger";

/** An engine for as long as somebody holds it. */
export interface EngineLease {
  readonly engine: Engine;
  /** One more holder. */
  retain(): void;
  /** One holder less. The last one ends an engine that this process shares. */
  release(): Promise<void>;
}

/**
 * The engine for a choice and a base. "auto" takes what can start a sandbox from the base here and never
 * something that does not isolate. The engines behind the names are one a process, started at first use and
 * ended with their last holder; an engine that was passed in is ended by its owner.
 *
 * @throws SandboxError ENGINE_UNAVAILABLE that lists what each engine lacks, INVALID_ARGUMENT.
 */
export async function leaseEngine(
  choice: EngineChoice | undefined,
  base: Base | undefined,
  signal?: AbortSignal,
): Promise<EngineLease> {
  const chosen = choice ?? (process.env.FORKBOX_ENGINE || "auto");
  if (isEngine(chosen)) return { engine: chosen, retain: () => undefined, release: async () => undefined };
  if (chosen === "auto") return leaseAny(base, signal);
  if (chosen === "local" || chosen === "dagger") return leaseShared(chosen);
  const from = choice === undefined ? " (from FORKBOX_ENGINE)" : "";
  throw invalid(
    operation,
    `engine must be one of ${NAMES.join(", ")}, or an Engine, but is ${shown(chosen)}${from}`,
  );
}

function isEngine(value: unknown): value is Engine {
  return isRecord(value) && typeof value.open === "function" && typeof value.exec === "function";
}

async function leaseAny(base: Base | undefined, signal: AbortSignal | undefined): Promise<EngineLease> {
  const lacks: string[] = [];
  for (const name of candidates(base)) {
    const lack = await tryEngine(name, base, signal);
    if (typeof lack !== "string") return lack;
    lacks.push(`- ${name}: ${lack}`);
  }
  const what = base ? `from the base {${baseKind(base)}}` : "here";
  const message = `${operation}: no engine can start a sandbox ${what}.\n${lacks.join("\n")}`;
  throw new SandboxError("ENGINE_UNAVAILABLE", message, { operation });
}

function candidates(base: Base | undefined): EngineName[] {
  switch (base && baseKind(base)) {
    case "host":
      return ["local"];
    case "image":
    case "dockerfile":
      return ["dagger", "local"];
    default:
      return ["local", "dagger"];
  }
}

/** A lease, or what the engine lacks. */
async function tryEngine(
  name: EngineName,
  base: Base | undefined,
  signal: AbortSignal | undefined,
): Promise<EngineLease | string> {
  let lease: EngineLease | undefined;
  try {
    lease = await leaseShared(name);
    const { bases } = await lease.engine.capabilities(signal);
    const support = bases[baseKind(base ?? lease.engine.defaultBase)];
    if (support === true) return lease;
    await lease.release();
    return support;
  } catch (error) {
    await lease?.release();
    if (error instanceof SandboxError && error.code === "ENGINE_UNAVAILABLE") return error.message;
    throw error;
  }
}

const shared: Partial<Record<EngineName, { engine: Engine; holders: number }>> = {};

async function leaseShared(name: EngineName): Promise<EngineLease> {
  const make = name === "local" ? local : await loadDagger();
  const entry = shared[name] ?? { engine: make(), holders: 0 };
  shared[name] = entry;
  entry.holders++;
  return {
    engine: entry.engine,
    retain: () => {
      entry.holders++;
    },
    release: async () => {
      entry.holders--;
      if (entry.holders > 0) return;
      // Whoever comes now gets a new engine: this one is on its way out.
      if (shared[name] === entry) delete shared[name];
      await entry.engine.close();
    },
  };
}

/** Loaded when it is asked for: most programs never do. */
async function loadDagger(): Promise<() => Engine> {
  return (await import("./dagger/index.js")).dagger;
}
