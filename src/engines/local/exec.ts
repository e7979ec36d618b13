import type { ExecOutcome, ExecRequest, RawOutput, StreamName } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { CappedOutput } from "../../output.js";
import { launch } from "./launch.js";
import { watchLimits } from "./limits.js";
import { resolveCwd, whyNotRunnable } from "./program.js";
import type { Session } from "./session.js";
import type { LocalSnapshot, View } from "./snapshots.js";
import { enterFor, wallsFor } from "./walls.js";

const DEFAULT_OUTPUT_BYTES = 10 * 1024 * 1024;
/** Against fork bombs. */
const DEFAULT_PROCESSES = 1024;

/** Runs one command on top of a snapshot, in an upper layer of its own. */
export async function execOn(
  session: Session,
  from: LocalSnapshot,
  request: ExecRequest,
  onBytes: ((stream: StreamName, bytes: Uint8Array) => void) | undefined,
): Promise<ExecOutcome> {
  const limit = request.limits.outputBytes ?? DEFAULT_OUTPUT_BYTES;
  const kept = { stdout: new CappedOutput(limit), stderr: new CappedOutput(limit) };
  const output = (): { stdout: RawOutput; stderr: RawOutput } => ({
    stdout: kept.stdout.result(),
    stderr: kept.stderr.result(),
  });
  const take = (stream: StreamName, bytes: Uint8Array) => {
    kept[stream].push(bytes);
    onBytes?.(stream, bytes);
  };
  const started = performance.now();

  const tree = await session.tree(from, request.caches);
  const cwd = resolveCwd(tree, request.cwd);
  const path = request.secrets.PATH ?? request.env.PATH ?? from.base.environment.PATH ?? "";
  const unrunnable = whyNotRunnable(tree, request, cwd, path);
  if (unrunnable) {
    take("stderr", Buffer.from(`${unrunnable.message}\n`));
    return { kind: "exited", exitCode: unrunnable.exitCode, snapshot: from, ...output() };
  }
  if (request.user === "root") await session.guest();
  const mounts = await session.cacheMounts(tree, from.base, request);
  if (request.network === "host") mounts.push(...(await session.resolverMount(tree)));
  const network = request.network === "on" ? await session.networks.take() : undefined;
  const slot = await session.slots.take(request.stdin !== undefined);
  const top = session.snapshots.newLayer(from.top);
  const { view, lower } = session.snapshots.prepareView([top, ...from.layers]);
  const release = () => {
    slot.give();
    if (network) session.networks.give(network);
  };

  const command = launch(
    session.holder,
    slot,
    {
      view: view.name,
      top: top.name,
      lower,
      processes: slot.cgroup.limit({ processes: DEFAULT_PROCESSES, ...request.limits }),
      enter: enterFor(request, session.ids, network?.path),
      options: wallsFor(request, view.name, from.base, cwd, mounts, session.networks.proxies.environment),
      argv: request.argv,
      stdin: request.stdin,
    },
    take,
  );
  let why: "deadline" | "abort" | "memory" | "disk" | undefined;
  const stop = (reason: typeof why) => {
    why ??= reason;
    command.kill();
  };
  const remaining =
    request.deadlineMs === undefined
      ? undefined
      : Math.max(0, request.deadlineMs - (performance.now() - started));
  const timer = remaining === undefined ? undefined : setTimeout(() => stop("deadline"), remaining);
  const onAbort = () => stop("abort");
  request.signal?.addEventListener("abort", onAbort, { once: true });
  if (request.signal?.aborted) stop("abort");
  const watch = watchLimits(slot.cgroup, top.path, request.limits, stop);
  try {
    const end = await command.ended;
    if (!session.holder.alive) throw lost();
    if (end.kind === "input") throw badInput(end.cause);
    if (end.kind === "failed" && !why) throw notStarted(end.reason);
    why ??= await watch.verdict();
    if (why || end.kind === "failed") {
      session.snapshots.discard(view);
      return { kind: "stopped", why: why ?? "abort", ...output() };
    }
    return { kind: "exited", exitCode: end.exitCode, snapshot: next(session, from, view), ...output() };
  } catch (error) {
    session.snapshots.discard(view);
    throw error;
  } finally {
    clearTimeout(timer);
    watch.end();
    request.signal?.removeEventListener("abort", onAbort);
    release();
  }
}

function next(session: Session, from: LocalSnapshot, view: View): LocalSnapshot {
  const { snapshots } = session;
  const [top] = view.layers as [LocalSnapshot["top"]];
  const snapshot = snapshots.create([top, ...from.layers], from.base, from.user);
  snapshots.adopt(snapshot, view);
  snapshots.release(from);
  session.compact(snapshot);
  return snapshot;
}

function lost(): SandboxError {
  return new SandboxError(
    "ENGINE_LOST",
    "exec: the local engine's process ended while the command ran. Nothing was changed; run it again.",
    { operation: "exec" },
  );
}

function badInput(cause: unknown): SandboxError {
  return new SandboxError(
    "INVALID_ARGUMENT",
    `exec: the stream given as stdin failed: ${(cause as Error)?.message ?? cause}. The command was stopped and nothing was changed.`,
    { operation: "exec", cause },
  );
}

function notStarted(reason: string): SandboxError {
  return new SandboxError(
    "ENGINE_ERROR",
    `exec: the sandbox could not be started: ${reason || "bwrap gave no reason"}. Run \`forkbox doctor\`.`,
    { operation: "exec" },
  );
}
