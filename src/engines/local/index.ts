import { closeSync, constants, openSync } from "node:fs";
import { resolve } from "node:path";
import type {
  Base,
  ByteRange,
  Capabilities,
  Change,
  Engine,
  Entry,
  ExecOutcome,
  ExecRequest,
  ImportPlan,
  ImportRecord,
  OnBytes,
  OpenOptions,
  RunningService,
  ServiceRequest,
  Snapshot,
  User,
} from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { notADirectory } from "../path-errors.js";
import { openBase } from "./bases/open.js";
import { whereIsMissing } from "./bases/toolchains/missing.js";
import { probeCapabilities } from "./capabilities.js";
import { execOn } from "./commands/exec.js";
import { startOn } from "./commands/service.js";
import { explain, requireTools } from "./doctor/doctor.js";
import { applyChange, isAtomic } from "./layers/change.js";
import { existing, guard, listTree, readFromTree, statTree } from "./layers/files.js";
import { importInto } from "./layers/import.js";
import { findKept, forgetKept, keepSnapshot } from "./layers/kept.js";
import type { LocalSnapshot } from "./layers/snapshots.js";
import { fromLatin1, type Tree } from "./layers/tree.js";
import { Session } from "./session.js";
import { stateDirectory } from "./state/state.js";

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

/** Options of `local()`. */
export interface LocalOptions {
  /** Where snapshots, caches and kept setups live. Default: FORKBOX_STATE_DIR, else $XDG_STATE_HOME/forkbox. */
  stateDirectory?: string;
}

/**
 * An engine of this machine: Linux, bubblewrap and overlayfs, no daemon, root or not. It starts at its first
 * use; whoever made it closes it.
 *
 * @example
 * ```ts
 * await using engine = local({ stateDirectory: "/var/lib/forkbox" });
 * await using sandbox = await Sandbox.create({ engine });
 * ```
 */
export function local(options: LocalOptions = {}): Engine & AsyncDisposable {
  return new LocalEngine(resolve(options.stateDirectory ?? stateDirectory()));
}

class LocalEngine implements Engine, AsyncDisposable {
  readonly name = "local";
  readonly defaultBase: Base = { host: true };
  #starting: Promise<Session> | undefined;
  #capabilities: Promise<Capabilities> | undefined;

  constructor(private readonly stateDirectory: string) {}

  async capabilities(): Promise<Capabilities> {
    this.#capabilities ??= this.#session().then((session) => probeCapabilities(session));
    this.#capabilities.catch(() => {
      this.#capabilities = undefined;
    });
    return this.#capabilities;
  }

  async identify(base: Base): Promise<string> {
    const session = await this.#session();
    return session.bases.identify(base, session.baseContext);
  }

  async open(base: Base, options: OpenOptions): Promise<LocalSnapshot> {
    const session = await this.#session();
    try {
      return await openBase(session, base, options);
    } catch (error) {
      // What a mount said, say: the doctor knows the reason behind it.
      throw error instanceof SandboxError ? error : await explain(error, this.stateDirectory);
    }
  }

  async exec(from: Snapshot, request: ExecRequest, onBytes?: OnBytes): Promise<ExecOutcome> {
    const session = await this.#session();
    return guard("exec", request.cwd, () => execOn(session, from as LocalSnapshot, request, onBytes));
  }

  async start(from: Snapshot, request: ServiceRequest, onBytes?: OnBytes): Promise<RunningService> {
    const session = await this.#session();
    return guard("start", request.cwd, () => startOn(session, from as LocalSnapshot, request, onBytes));
  }

  async change(
    of: Snapshot,
    changes: readonly Change[],
    user: User,
    signal?: AbortSignal,
  ): Promise<LocalSnapshot> {
    const from = of as LocalSnapshot;
    const session = await this.#session();
    const { snapshots } = session;
    const owner = session.ids.owner(user);
    if (snapshots.isExclusive(from) && isAtomic(changes)) {
      try {
        await session.withTree(from, (tree) => applyChange(tree, changes[0] as Change, owner, signal));
        from.generation++;
        return from;
      } catch (error) {
        if (!isClosed(session, error)) throw error;
      }
    }
    const top = await guard("change", "/", () => snapshots.newLayer(from.top));
    const next = snapshots.create([top, ...from.layers], from.base, from.user);
    try {
      const apply = async (tree: Tree) => {
        for (const change of changes) await applyChange(tree, change, owner, signal);
      };
      await (session.ids.range ? session.withTree(next, apply) : session.withOpenTree(next, apply));
    } catch (error) {
      snapshots.release(next);
      throw error;
    }
    snapshots.release(from);
    session.compact(next);
    return next;
  }

  async importTree(
    from: Snapshot,
    plan: ImportPlan,
    user: User,
    signal?: AbortSignal,
  ): Promise<{ snapshot: Snapshot; record: ImportRecord }> {
    return importInto(await this.#session(), from as LocalSnapshot, plan, user, signal);
  }

  async view(from: Snapshot, path: string): Promise<{ root: string; dispose: () => Promise<void> }> {
    const session = await this.#session();
    const snapshot = from as LocalSnapshot;
    const { tree, unpin } = await session.pinTree(snapshot);
    try {
      const found = existing(tree, path, "exportDirectory", true);
      if (!found.stat.isDirectory()) throw notADirectory(path, path, "exportDirectory");
      if (tree.isReadOnly(found.real)) throw hostsOwn(path);
      // By descriptor: half as long a way for the kernel to each of its files as the path through the holder.
      const descriptor = await guard("exportDirectory", path, () =>
        openSync(found.place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
      );
      session.snapshots.retain(snapshot);
      let disposed = false;
      return {
        root: `/proc/self/fd/${descriptor}/.`,
        dispose: async () => {
          if (disposed) return; // the descriptor's number may be another file's by now
          disposed = true;
          closeSync(descriptor);
          unpin();
          session.snapshots.release(snapshot);
        },
      };
    } catch (error) {
      unpin();
      throw tree.reasonOf(error);
    }
  }

  async read(from: Snapshot, path: string, _signal?: AbortSignal, range?: ByteRange): Promise<Uint8Array> {
    return this.#look(from, (tree) => readFromTree(tree, path, range));
  }

  async list(from: Snapshot, path: string, signal?: AbortSignal): Promise<Entry[]> {
    return this.#look(from, (tree) => listTree(tree, path, signal));
  }

  async stat(from: Snapshot, path: string): Promise<Entry | undefined> {
    return this.#look(from, (tree) => statTree(tree, path));
  }

  async resolve(from: Snapshot, path: string, followLast: boolean): Promise<string> {
    return this.#look(from, async (tree) => fromLatin1(tree.resolve(path, "resolve", followLast).real));
  }

  async whereIs(from: Snapshot, program: string): Promise<string | undefined> {
    const { tools } = (from as LocalSnapshot).base;
    if (!tools) return undefined;
    return this.#look(from, async (tree) =>
      whereIsMissing(program, tools, (path) => tree.resolve(path, "exec", true).stat !== undefined),
    );
  }

  retain(snapshot: Snapshot): void {
    (snapshot as LocalSnapshot).references++;
  }

  release(snapshot: Snapshot): void {
    this.#starting?.then(({ snapshots }) => snapshots.release(snapshot as LocalSnapshot)).catch(() => {});
  }

  async keep(key: string, snapshot: Snapshot): Promise<void> {
    const session = await this.#session();
    await guard("keep", "/", () => keepSnapshot(session, key, snapshot as LocalSnapshot));
  }

  async find(key: string, base: Base): Promise<Snapshot | undefined> {
    return findKept(await this.#session(), key, base);
  }

  async forget(key: string): Promise<void> {
    await forgetKept(await this.#session(), key);
  }

  async close(): Promise<void> {
    const starting = this.#starting;
    this.#starting = undefined;
    this.#capabilities = undefined;
    await (await starting)?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** An ordinary caller sees what its sandbox has closed in a layer of its own, where it may be opened. */
  async #look<T>(from: Snapshot, act: (tree: Tree) => Promise<T>): Promise<T> {
    const session = await this.#session();
    const { snapshots } = session;
    const snapshot = from as LocalSnapshot;
    try {
      return await session.withTree(snapshot, act);
    } catch (error) {
      if (!isClosed(session, error)) throw error;
    }
    const layers = [snapshots.newLayer(snapshot.top), ...snapshot.layers];
    const scratch = snapshots.create(layers, snapshot.base, snapshot.user);
    try {
      return await session.withOpenTree(scratch, act);
    } finally {
      snapshots.release(scratch);
    }
  }

  async #start(): Promise<Session> {
    await requireTools(this.stateDirectory);
    try {
      return await Session.start(this.stateDirectory);
    } catch (error) {
      throw await explain(error, this.stateDirectory);
    }
  }

  #session(): Promise<Session> {
    this.#starting ??= this.#start();
    this.#starting.catch(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }
}

function isClosed({ ids }: Session, error: unknown): boolean {
  return !ids.range && error instanceof SandboxError && error.code === "PERMISSION";
}

function hostsOwn(path: string): SandboxError {
  return new SandboxError(
    "UNSUPPORTED",
    `exportDirectory ${path}: this part of the base is the host's own; copy it from there.`,
    { operation: "exportDirectory", path },
  );
}
