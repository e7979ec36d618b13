import { join } from "node:path";
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
  Snapshot,
  User,
} from "../../engine.js";
import { SandboxError } from "../../errors.js";
import { CAPABILITIES } from "./capabilities.js";
import { execOn } from "./commands/exec.js";
import { changeSnapshot } from "./files/change.js";
import { listSnapshot, readFromSnapshot, statInSnapshot } from "./files/files.js";
import { importInto } from "./files/import.js";
import { Tree } from "./files/tree.js";
import { viewSnapshot } from "./files/view.js";
import { cliOf, type DaggerOptions, endpointsOf } from "./options.js";
import { Pool } from "./pool.js";
import { identifyBase, openBase } from "./snapshots/base.js";
import { findKept, forgetKept, keepSnapshot } from "./snapshots/kept.js";
import type { DaggerSnapshot } from "./snapshots/snapshot.js";
import { HostState, stateDirectory } from "./staging/state.js";

export type { DaggerOptions } from "./options.js";

/**
 * Runs sandboxes on Dagger engines (0.19.9 and later). It starts at its first use; whoever made it closes it.
 *
 * @example
 * ```ts
 * await using engine = dagger({ engines: ["unix:///run/dagger/engine.sock"] });
 * await using sandbox = await Sandbox.create({ engine, base: { image: "node:20-alpine3.22" } });
 * ```
 */
export function dagger(options: DaggerOptions = {}): Engine & AsyncDisposable {
  return new DaggerEngine(options);
}

class DaggerEngine implements Engine, AsyncDisposable {
  readonly name = "dagger";
  readonly defaultBase: Base = { image: "node:20-alpine3.22" };
  readonly #state: HostState;
  readonly #pool: Pool;

  constructor(options: DaggerOptions) {
    this.#state = new HostState(join(options.stateDirectory ?? stateDirectory(), "dagger"));
    this.#pool = new Pool(endpointsOf(options), cliOf(options), this.#state);
  }

  async capabilities(signal?: AbortSignal): Promise<Capabilities> {
    await this.#pool.use(signal, async () => undefined);
    return CAPABILITIES;
  }

  async identify(base: Base, signal?: AbortSignal): Promise<string> {
    return this.#pool.use(signal, (workspace) => identifyBase(workspace, base, signal));
  }

  async open(base: Base, options: OpenOptions): Promise<DaggerSnapshot> {
    return this.#pool.use(options.signal, async (workspace) =>
      held(await openBase(workspace, base, options)),
    );
  }

  exec(from: Snapshot, request: ExecRequest, onBytes?: OnBytes): Promise<ExecOutcome> {
    return execOn(from as DaggerSnapshot, request, onBytes);
  }

  async start(): Promise<RunningService> {
    throw new SandboxError("UNSUPPORTED", `start: ${CAPABILITIES.services}`, { operation: "start" });
  }

  change(
    from: Snapshot,
    changes: readonly Change[],
    user: User,
    signal?: AbortSignal,
  ): Promise<DaggerSnapshot> {
    return changeSnapshot(from as DaggerSnapshot, changes, user, signal);
  }

  importTree(
    from: Snapshot,
    plan: ImportPlan,
    user: User,
    signal?: AbortSignal,
  ): Promise<{ snapshot: Snapshot; record: ImportRecord }> {
    return importInto(from as DaggerSnapshot, plan, user, signal);
  }

  view(
    from: Snapshot,
    path: string,
    signal?: AbortSignal,
  ): Promise<{ root: string; dispose: () => Promise<void> }> {
    return viewSnapshot(from as DaggerSnapshot, path, signal);
  }

  async read(from: Snapshot, path: string, signal?: AbortSignal, range?: ByteRange): Promise<Uint8Array> {
    const bytes = await readFromSnapshot(from as DaggerSnapshot, path, signal);
    return range ? bytes.subarray(range.offset, range.offset + range.length) : bytes;
  }

  list(from: Snapshot, path: string, signal?: AbortSignal): Promise<Entry[]> {
    return listSnapshot(from as DaggerSnapshot, path, signal);
  }

  stat(from: Snapshot, path: string, signal?: AbortSignal): Promise<Entry | undefined> {
    return statInSnapshot(from as DaggerSnapshot, path, signal);
  }

  async resolve(from: Snapshot, path: string, followLast: boolean, signal?: AbortSignal): Promise<string> {
    const tree = new Tree(from as DaggerSnapshot, { operation: "resolve", signal });
    return (await tree.resolve(path, followLast)).real;
  }

  retain(snapshot: Snapshot): void {
    held(snapshot as DaggerSnapshot);
  }

  release(snapshot: Snapshot): void {
    (snapshot as DaggerSnapshot).workspace.load--;
  }

  keep(key: string, snapshot: Snapshot, signal?: AbortSignal): Promise<void> {
    return keepSnapshot(key, snapshot as DaggerSnapshot, signal);
  }

  async find(key: string, _base: Base, signal?: AbortSignal): Promise<DaggerSnapshot | undefined> {
    return this.#pool.use(signal, async (workspace) => {
      const found = await findKept(workspace, key, signal);
      return found && held(found);
    });
  }

  forget(key: string): Promise<void> {
    return forgetKept(this.#state.kept, key);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The engine keeps what IDs stand for: references are only counted as its load. */
function held(snapshot: DaggerSnapshot): DaggerSnapshot {
  snapshot.workspace.load++;
  return snapshot;
}
