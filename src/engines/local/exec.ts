import { existsSync } from "node:fs";
import type { ExecOutcome, ExecRequest, RawOutput, StreamName, User } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { CappedOutput } from "../../output.js";
import { checkBindTargets } from "./bind-targets.js";
import type { Holder } from "./holder.js";
import { type LaunchPlan, launch } from "./launch.js";
import { LayerWriter } from "./layer-writer.js";
import { watchLimits } from "./limits.js";
import type { Network } from "./network.js";
import { resolveCwd, whyNotRunnable } from "./program.js";
import type { Session } from "./session.js";
import type { Slot } from "./slots.js";
import type { Layer, LocalSnapshot, View } from "./snapshots.js";
import type { Tree } from "./tree.js";
import { enterFor, wallsFor } from "./walls.js";

const DEFAULT_OUTPUT_BYTES = 10 * 1024 * 1024;
/** Against fork bombs. */
const DEFAULT_PROCESSES = 1024;

type Why = "deadline" | "abort" | "memory" | "disk";
type OnBytes = (stream: StreamName, bytes: Uint8Array) => void;

/** Runs one command on top of a snapshot, in an upper layer of its own. */
export async function execOn(
  session: Session,
  from: LocalSnapshot,
  request: ExecRequest,
  onBytes: OnBytes | undefined,
): Promise<ExecOutcome> {
  const started = performance.now();
  const output = new Output(request.limits.outputBytes ?? DEFAULT_OUTPUT_BYTES, onBytes);
  const found = await session.withTree(from, (tree) => look(session, tree, from, request), request.caches);
  if (found.unrunnable) {
    output.take("stderr", Buffer.from(`${found.unrunnable.message}\n`));
    return { kind: "exited", exitCode: found.unrunnable.exitCode, snapshot: from, ...output.kept() };
  }
  const { holder } = session; // that of the moment: another operation may start a new one meanwhile
  if (request.user === "root") await session.guest();
  const network = request.network === "on" ? await session.networks.take() : undefined;
  try {
    const slot = await session.slots.take();
    try {
      const remaining = request.deadlineMs && request.deadlineMs - (performance.now() - started);
      return await runIn(session, holder, slot, network, from, request, found, remaining, output);
    } finally {
      slot.give();
    }
  } finally {
    if (network) session.networks.give(network);
  }
}

async function runIn(
  session: Session,
  holder: Holder,
  slot: Slot,
  network: Network | undefined,
  from: LocalSnapshot,
  request: ExecRequest,
  { cwd, mounts, missing }: Found,
  remainingMs: number | undefined,
  output: Output,
): Promise<ExecOutcome> {
  const { snapshots, ids, networks } = session;
  const processes = slot.cgroup.limit({ processes: DEFAULT_PROCESSES, ...request.limits });
  if (request.limits.processes !== undefined) await holder.call("reap");
  const top = snapshots.newLayer(from.top);
  await makeMountPoints(session, from, top, request.user, missing);
  const { view, lower } = snapshots.prepareView([top, ...from.layers]);
  const endLost = (): ExecOutcome => {
    snapshots.discard(view);
    return { kind: "lost", error: lost(), ...output.kept() };
  };
  // Slot, network and view have to be of one holder, which never lives again.
  if (!holder.alive) return endLost();
  const plan: LaunchPlan = {
    view: view.name,
    top: top.name,
    lower,
    enter: enterFor(request, ids, network?.path),
    options: wallsFor(request, view.name, from.base, cwd, mounts, networks.proxies.environment),
    argv: processes === undefined ? request.argv : withProcessLimit(processes, from, request.argv),
    stdin: request.stdin,
    owner: ids.owner(request.user),
  };
  const command = launch(holder, slot, plan, output.take);
  let why: Why | undefined;
  const stop = (reason: Why) => {
    why ??= reason;
    command.kill();
  };
  const timer =
    remainingMs === undefined ? undefined : setTimeout(() => stop("deadline"), Math.max(0, remainingMs));
  const onAbort = () => stop("abort");
  request.signal?.addEventListener("abort", onAbort, { once: true });
  if (request.signal?.aborted) stop("abort");
  const watch = watchLimits(holder, slot.cgroup, view, request.limits, stop);
  try {
    const end = await command.ended;
    // Where it was the holder's end, its files went first; this process hears of it when all of its own are dead.
    if (end.kind === "failed" && !existsSync(holder.session)) await holder.ended;
    // First: what kills bwrap before it has started the command may be the limit.
    why ??= await watch.verdict();
    if (!holder.alive) return endLost();
    if (end.kind === "input") throw badInput(end.cause);
    if (end.kind === "failed" && !why) throw notStarted(end.reason);
    if (why || end.kind === "failed") {
      snapshots.discard(view);
      return { kind: "stopped", why: why ?? "abort", ...output.kept() };
    }
    return { kind: "exited", exitCode: end.exitCode, snapshot: next(session, from, view), ...output.kept() };
  } catch (error) {
    snapshots.discard(view);
    throw error;
  } finally {
    clearTimeout(timer);
    watch.end();
    request.signal?.removeEventListener("abort", onAbort);
  }
}

/**
 * Without a cgroup it is a resource limit. Set before bubblewrap makes the command's user namespace, it would
 * count all processes of the caller; set inside, by the command's first program, only the command's own.
 */
function withProcessLimit(
  processes: number,
  { base }: LocalSnapshot,
  argv: ExecRequest["argv"],
): ExecRequest["argv"] {
  const prlimit = base.binds.some(({ at }) => at === "/usr") && existsSync("/usr/bin/prlimit");
  if (prlimit) return ["/usr/bin/prlimit", `--nproc=${processes}`, ...argv];
  return [
    "/bin/sh",
    "-c",
    'ulimit -u "$0" 2>/dev/null || ulimit -p "$0"; exec "$@"',
    String(processes),
    ...argv,
  ];
}

interface Found {
  cwd: string;
  mounts: readonly string[];
  /** Mount points that are not there yet. */
  missing: readonly string[];
  unrunnable: ReturnType<typeof whyNotRunnable>;
}

/** What has to be known of the snapshot before a command is started in it. */
async function look(session: Session, tree: Tree, from: LocalSnapshot, request: ExecRequest): Promise<Found> {
  const cwd = resolveCwd(tree, request.cwd);
  const path = request.secrets.PATH ?? request.env.PATH ?? from.base.environment.PATH ?? "";
  const unrunnable = whyNotRunnable(tree, request, cwd, path);
  const { options, missing } = await session.cacheMounts(tree, from.base, request);
  const resolver = request.network === "host" ? await session.resolverMount(tree) : [];
  const parents = checkBindTargets(tree, from.base.binds);
  return { cwd, mounts: [...options, ...resolver], missing: [...parents, ...missing], unrunnable };
}

/** bwrap runs as the sandbox's user, who may not make directories everywhere. */
async function makeMountPoints(
  session: Session,
  from: LocalSnapshot,
  top: Layer,
  user: User,
  missing: readonly string[],
) {
  if (missing.length === 0) return;
  await session.withTree(from, async (tree) => {
    const writer = new LayerWriter(tree, top, session.ids.owner(user));
    try {
      for (const real of missing) writer.ensure(real);
      await writer.finish();
    } finally {
      writer.close();
    }
  });
}

/** What a command prints: kept up to the cap, and passed on. */
class Output {
  readonly #kept: Readonly<Record<StreamName, CappedOutput>>;

  constructor(
    limit: number,
    private readonly onBytes: OnBytes | undefined,
  ) {
    this.#kept = { stdout: new CappedOutput(limit), stderr: new CappedOutput(limit) };
  }

  readonly take: OnBytes = (stream, bytes) => {
    this.#kept[stream].push(bytes);
    this.onBytes?.(stream, bytes);
  };

  kept(): { stdout: RawOutput; stderr: RawOutput } {
    return { stdout: this.#kept.stdout.result(), stderr: this.#kept.stderr.result() };
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
  const tooLong = [
    [
      /Argument list too long/,
      "Linux takes a quarter of the stack's limit, mostly 2 MiB (`getconf ARG_MAX`)",
    ],
    [
      /Exceeded maximum number of arguments/,
      "bubblewrap takes 9,000 arguments, of which a variable needs three",
    ],
  ] as const;
  const [, limit] = tooLong.find(([pattern]) => pattern.test(reason)) ?? [];
  if (limit) {
    const message = `exec: the command's arguments and environment are too long together: ${limit}. Write what is long to a file with writeFile, or pass it as stdin.`;
    return new SandboxError("INVALID_ARGUMENT", message, { operation: "exec" });
  }
  const full = /No space left on device/.test(reason);
  return new SandboxError(
    full ? "LIMIT" : "ENGINE_ERROR",
    `exec: the sandbox could not be started: ${reason || "bwrap gave no reason"}. ${
      full ? "Free some space, or set FORKBOX_STATE_DIR to a larger disk." : "Run `forkbox doctor`."
    }`,
    { operation: "exec" },
  );
}
