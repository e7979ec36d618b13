import { existsSync } from "node:fs";
import type { ExecOutcome, ExecRequest, OnBytes, RawOutput, StreamName, User } from "../../../engine.js";
import { clearTimeout, performance, setTimeout } from "../../../timers.js";
import { CappedOutput } from "../../output.js";
import type { Holder } from "../holder/holder.js";
import type { Layer } from "../layers/layer.js";
import { LayerWriter } from "../layers/layer-writer.js";
import type { LocalSnapshot, View } from "../layers/snapshots.js";
import type { Tree } from "../layers/tree.js";
import { watchWrites } from "../layers/writes.js";
import type { Place } from "../network/neighbours.js";
import { withoutProxy } from "../network/proxy.js";
import { checkBindTargets } from "./bind-targets.js";
import type { CommandContext } from "./context.js";
import { badInput, lost, notStarted, undead } from "./exec-errors.js";
import { type Launched, type LaunchPlan, launch } from "./launch.js";
import { watchLimits } from "./limits.js";
import { resolveCwd, whyNotRunnable } from "./program.js";
import { argvWithShell } from "./shell.js";
import { lookAtSys, type Sizing, sizingFor } from "./sizing.js";
import type { Slot } from "./slots.js";
import { enterFor, wallsFor } from "./walls.js";

const DEFAULT_OUTPUT_BYTES = 10 * 1024 * 1024;
/** Against fork bombs. */
const DEFAULT_PROCESSES = 1024;

type Why = "deadline" | "abort" | "memory" | "disk";

/** What runs beside other commands of its sandbox, and is to be reached from these. */
export interface Beside {
  name: string;
  /** It has been launched; nothing of it runs yet. */
  launched(command: Launched, place: Place): void;
}

/** Runs one command on top of a snapshot, in an upper layer of its own. */
export async function execOn(
  session: CommandContext,
  from: LocalSnapshot,
  request: ExecRequest,
  onBytes: OnBytes | undefined,
  beside?: Beside,
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
  const { neighbours, slots, stage } = session;
  const place = await neighbours.join(request.sandbox, request.network, beside?.name);
  let isSpoiled = false;
  try {
    const names = place.names.length === 0 ? [] : await session.namesMount(from, place);
    const slot = await slots.take();
    let sizing: Sizing | undefined;
    try {
      sizing = await sizingFor(request.limits, slot.cgroup, stage, found.showCgroup);
      const remainingMs = request.deadlineMs && request.deadlineMs - (performance.now() - started);
      return await runIn(
        { session, holder, slot, place, sizing, remainingMs, beside },
        from,
        request,
        { ...found, mounts: [...found.mounts, ...names] },
        output,
      );
    } finally {
      sizing?.end();
      slot.give();
      isSpoiled = slot.isSpoiled();
    }
  } finally {
    place.leave(isSpoiled);
  }
}

/** What one command has to itself. */
interface Room {
  session: CommandContext;
  holder: Holder;
  slot: Slot;
  place: Place;
  sizing: Sizing;
  remainingMs: number | undefined;
  beside: Beside | undefined;
}

async function runIn(
  { session, holder, slot, place, sizing, remainingMs, beside }: Room,
  from: LocalSnapshot,
  request: ExecRequest,
  { argv, cwd, mounts, missing }: Found,
  output: Output,
): Promise<ExecOutcome> {
  const { snapshots, ids, networks } = session;
  const processes = slot.cgroup.limit({ processes: DEFAULT_PROCESSES, ...request.limits });
  if (request.limits.processes !== undefined) await holder.call("reap");
  const top = snapshots.newLayer(from.top);
  await makeMountPoints(session, from, top, request.user, missing);
  const writes = watchWrites(top, ids.owner(request.user));
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
    // Only a command that left files can have left a pid in one.
    scattered: from.layers.length > from.base.layers.length + 1 || mounts.length > 0,
    enter: [...sizing.enter, ...enterFor(request, ids, place.namespace?.path)],
    options: wallsFor(
      request,
      view.name,
      from.base,
      cwd,
      [...mounts, ...sizing.mounts],
      {
        ...sizing.environment,
        ...(request.network === "off" ? {} : withoutProxy(networks.proxies, place.names)),
      },
      place.namespace !== undefined,
    ),
    argv: processes === undefined ? argv : withProcessLimit(processes, from, argv),
    stdin: request.stdin,
    owner: ids.owner(request.user),
  };
  const command = launch(holder, slot, plan, output.take);
  beside?.launched(command, place);
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
    // Its view stays until the session ends: what removes it would walk where something may be alive.
    if (end.kind === "undead") return { kind: "lost", error: undead(), ...output.kept() };
    if (end.kind === "input") throw badInput(end.cause);
    if (end.kind === "failed" && !why) throw notStarted(end.reason);
    if (why || end.kind === "failed") {
      snapshots.discard(view);
      return { kind: "stopped", why: why ?? "abort", ...output.kept() };
    }
    const isUnchanged = request.user === "sandbox" && writes.none();
    if (isUnchanged) snapshots.discard(view);
    const snapshot = isUnchanged ? from : next(session, from, view);
    const met = slot.cgroup.processesRefused() ? { limitsMet: ["processes"] as const } : {};
    return { kind: "exited", exitCode: end.exitCode, snapshot, ...output.kept(), ...met };
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
  argv: ExecRequest["argv"];
  cwd: string;
  mounts: readonly string[];
  /** Mount points that are not there yet. */
  missing: readonly string[];
  /** Whether the command's cgroup can be shown in /sys. */
  showCgroup: boolean;
  unrunnable: ReturnType<typeof whyNotRunnable>;
}

/** What has to be known of the snapshot before a command is started in it. */
async function look(
  session: CommandContext,
  tree: Tree,
  from: LocalSnapshot,
  request: ExecRequest,
): Promise<Found> {
  const cwd = resolveCwd(tree, request.cwd);
  const path = request.secrets.PATH ?? request.env.PATH ?? from.base.environment.PATH ?? "";
  const unrunnable = whyNotRunnable(tree, request, cwd, path);
  const { options, missing } = await session.cacheMounts(tree, from.base, request);
  const resolver = request.network === "host" ? await session.resolverMount(tree) : [];
  const parents = checkBindTargets(tree, from.base.binds);
  const sys = lookAtSys(tree, request.limits);
  const mountPoints = [...parents, ...missing, ...(sys.missing ? ["/sys"] : [])];
  const argv = argvWithShell(tree, request);
  return {
    argv,
    cwd,
    mounts: [...options, ...resolver],
    missing: mountPoints,
    showCgroup: sys.usable,
    unrunnable,
  };
}

/** bwrap runs as the sandbox's user, who may not make directories everywhere. */
async function makeMountPoints(
  session: CommandContext,
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
    return this.onBytes?.(stream, bytes);
  };

  kept(): { stdout: RawOutput; stderr: RawOutput } {
    return { stdout: this.#kept.stdout.result(), stderr: this.#kept.stderr.result() };
  }
}

function next(session: CommandContext, from: LocalSnapshot, view: View): LocalSnapshot {
  const { snapshots } = session;
  const [top] = view.layers as [LocalSnapshot["top"]];
  const snapshot = snapshots.create([top, ...from.layers], from.base, from.user);
  snapshots.adopt(snapshot, view);
  snapshots.release(from);
  session.compact(snapshot);
  return snapshot;
}
