import type { Engine, RunningService, ServiceRequest, Snapshot } from "../../engine.js";
import type { Redactor } from "../../redaction/redactor.js";
import type { Settings } from "../create-arguments.js";
import type { StartCall } from "./start-call.js";

/** What it takes to start a service, here and in every fork: all of it is decided. */
export interface Recipe {
  readonly name: string;
  readonly call: StartCall;
  /** Whoever has the recipe has a reference. */
  readonly from: Snapshot;
  readonly request: Pick<ServiceRequest, "argv" | "cwd" | "env" | "secrets">;
  readonly redactor: Redactor;
}

/** Where services run: what they need of their sandbox. */
export interface Room {
  readonly engine: Engine;
  readonly sandbox: symbol;
  readonly settings: Settings;
}

export function launch(
  { engine, sandbox, settings }: Room,
  { name, from, request }: Recipe,
  signal: AbortSignal,
  onBytes: (stream: "stdout" | "stderr", bytes: Uint8Array) => undefined,
): Promise<RunningService> {
  const { user, network, limits, caches } = settings;
  return engine.start(from, { ...request, name, sandbox, user, network, limits, caches, signal }, onBytes);
}
