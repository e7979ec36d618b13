import type { Duplex } from "node:stream";
import type { ExecOutcome, OnBytes, RunningService, ServiceRequest } from "../../../engine.js";
import { SandboxError } from "../../../errors.js";
import type { LocalSnapshot } from "../layers/snapshots.js";
import type { Namespace, Place } from "../network/neighbours.js";
import { connectInto, isListening } from "../network/reach.js";
import type { CommandContext } from "./context.js";
import { execOn } from "./exec.js";
import type { Launched } from "./launch.js";
import type { Init } from "./proof.js";
import { terminate } from "./terminate.js";

/** What is known of a service whose walls stand. */
interface Up {
  readonly init: Init;
  readonly namespace: Namespace;
}

/** A command like every other, in a network that others are in, too. */
export async function startOn(
  session: CommandContext,
  from: LocalSnapshot,
  request: ServiceRequest,
  onBytes: OnBytes | undefined,
): Promise<RunningService> {
  if (request.network === "host") throw onHost();
  const { snapshots } = session;
  snapshots.retain(from);
  let up: Up | undefined;
  let running: unknown;
  const started = new Promise<void>((resolve) => {
    const launched = async (command: Launched, { namespace }: Place) => {
      const init = await command.init;
      if (namespace) up = { init, namespace };
      resolve();
    };
    running = execOn(session, from, request, onBytes, { name: request.name, launched });
  });
  const outcome = (running as Promise<ExecOutcome>).then(
    (how) => {
      if (how.kind !== "exited") snapshots.release(from);
      return how;
    },
    (error) => {
      snapshots.release(from);
      throw error;
    },
  );
  await Promise.race([started, outcome]);
  return {
    ended: outcome,
    terminate: async () => {
      if (up) await terminate(up.namespace.holder, up.init);
    },
    isListening: async (port) => up !== undefined && isListening(up.namespace.holder, up.init.pid, port),
    connect: async (port): Promise<Duplex> => {
      if (!up) throw gone();
      return connectInto(up.namespace, port);
    },
    keep: async (onto) => {
      const end = await outcome;
      if (end.kind !== "exited") throw gone();
      return layOver(session, onto as LocalSnapshot, end.snapshot as LocalSnapshot, from);
    },
  };
}

/** The top layer of `what`, which is all that differs from `from`, over `onto`. */
function layOver(
  session: CommandContext,
  onto: LocalSnapshot,
  what: LocalSnapshot,
  from: LocalSnapshot,
): LocalSnapshot {
  if (what === from) return onto; // its program could not be run
  const { snapshots } = session;
  // Its own view is mounted yet, and no layer may be the writable one of two.
  const layers = [snapshots.newLayer(what.top), what.top, ...onto.layers];
  const next = snapshots.create(layers, onto.base, onto.user);
  snapshots.release(onto);
  session.compact(next);
  return next;
}

function gone(): SandboxError {
  return new SandboxError("ENGINE_ERROR", "The service has ended.", { operation: "start" });
}

function onHost(): SandboxError {
  const message =
    'start: in a sandbox with network "host" there is no network of its own for services to be reached in. Use "on" or "off".';
  return new SandboxError("UNSUPPORTED", message, { operation: "start" });
}
