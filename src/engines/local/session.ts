import { createHash } from "node:crypto";
import { chownSync, closeSync, existsSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecRequest } from "../../engine.js";
import { SandboxError } from "../../errors.js";
import type { BaseTree } from "./bases/base-tree.js";
import { Bases } from "./bases/bases.js";
import type { BaseContext } from "./bases/context.js";
import { Cgroups, findCgroups } from "./commands/cgroups.js";
import { Slots } from "./commands/slots.js";
import { Holder, type HolderOwner } from "./holder/holder.js";
import { type Ids, idsOfCaller } from "./holder/ids.js";
import { Stage } from "./holder/stage.js";
import { compactChain } from "./layers/compact.js";
import { asSandboxError } from "./layers/files.js";
import { LargeFiles } from "./layers/large-files.js";
import { Opened } from "./layers/opened.js";
import { type LocalSnapshot, Snapshots } from "./layers/snapshots.js";
import { latin1, Tree, treeLost } from "./layers/tree.js";
import { HOSTS_FILE, hostsIn } from "./network/hosts.js";
import { Neighbours, type Place } from "./network/neighbours.js";
import { Networks } from "./network/network.js";
import { markUsed } from "./state/in-use.js";
import { makeDirectories, openSession, openState, type State } from "./state/state.js";

/** A machine that was suspended meanwhile may have the new session taken for a dead one: then there is another. */
async function startHolder(
  state: State,
  ids: Ids,
  attempts = 3,
): Promise<{ path: string; lease: number; holder: Holder }> {
  const { hidden, path, lease } = openSession(state.sessions);
  let holder: Holder | undefined;
  try {
    holder = await Holder.start(hidden, path, ids, lease);
    renameSync(hidden, path);
    return { path, lease, holder };
  } catch (error) {
    await holder?.close();
    closeSync(lease);
    if (existsSync(hidden) || attempts === 1) throw error;
    return startHolder(state, ids, attempts - 1);
  }
}

/** Everything one engine has running in this process, and its directory of the state. */
export class Session implements HolderOwner {
  readonly ids = idsOfCaller();
  readonly stage = new Stage(this, this.ids.range);
  readonly bases = new Bases();
  readonly snapshots: Snapshots;
  readonly slots: Slots;
  readonly networks: Networks;
  readonly neighbours: Neighbours;
  readonly cgroups: Cgroups;
  readonly largeFiles: LargeFiles;
  /** One merge at a time. */
  compacting = false;
  /** What killed owners left is removed beside the work; nobody else may ever come to do it. */
  #reclaiming: Promise<unknown> | undefined;
  #guest: Promise<unknown> | undefined;
  #restarting: Promise<void> | undefined;

  static async start(stateDirectory: string): Promise<Session> {
    const state = openState(stateDirectory);
    const { path, lease, holder } = await startHolder(state, idsOfCaller());
    await holder.run("mknod", "whiteout", "c", "0", "0"); // overlayfs's mark for "not here", to be linked
    const session = new Session(holder, state, path, lease);
    session.#reclaiming = holder.task("reclaim", state.sessions).catch(() => {});
    return session;
  }

  private constructor(
    public holder: Holder,
    readonly state: State,
    readonly directory: string,
    private readonly lease: number,
  ) {
    this.#writeHolder();
    this.snapshots = new Snapshots(this, directory);
    this.cgroups = new Cgroups(findCgroups(), directory);
    this.largeFiles = new LargeFiles(state.files);
    this.slots = new Slots(this, this.cgroups);
    this.networks = new Networks(this, directory);
    this.neighbours = new Neighbours(this, this.networks, directory);
  }

  get baseContext(): BaseContext {
    return {
      directory: this.directory,
      bases: this.state.bases,
      lock: this.state.lock,
      stage: this.stage,
      holder: this.holder,
      ids: this.ids,
    };
  }

  /** Starts the holder anew when it has died. Snapshots are directories: they are all still there. */
  async ready(): Promise<void> {
    if (this.holder.alive) return;
    this.#restarting ??= this.#restart().finally(() => {
      this.#restarting = undefined;
    });
    await this.#restarting;
  }

  async #restart(): Promise<void> {
    this.snapshots.forgetMounts();
    this.networks.forget();
    this.neighbours.forget();
    this.#guest = undefined;
    this.holder = await Holder.start(this.directory, this.directory, this.ids, this.lease);
    this.#writeHolder();
    await this.stage.again();
  }

  /** For `forkbox ps`. */
  #writeHolder(): void {
    writeFileSync(join(this.directory, "holder"), String(this.holder.pid));
  }

  /** Gives the files of a snapshot to `act`; its view stays mounted until that has ended. */
  async withTree<T>(
    snapshot: LocalSnapshot,
    act: (tree: Tree) => T | Promise<T>,
    caches: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const { tree, unpin } = await this.pinTree(snapshot, caches);
    try {
      return await act(tree);
    } catch (error) {
      throw tree.reasonOf(error);
    } finally {
      unpin();
    }
  }

  /** The same with everything open that sandboxed code has closed, until `act` has ended. Only for a snapshot that nobody else has. */
  async withOpenTree<T>(snapshot: LocalSnapshot, act: (tree: Tree) => Promise<T>): Promise<T> {
    const opened = new Opened();
    const { tree, unpin } = await this.pinTree(snapshot, {}, opened);
    try {
      return await act(tree).finally(() => opened.close());
    } catch (error) {
      throw tree.reasonOf(error);
    } finally {
      unpin();
    }
  }

  async pinTree(
    snapshot: LocalSnapshot,
    caches: Readonly<Record<string, string>> = {},
    opened?: Opened,
  ): Promise<{ tree: Tree; unpin: () => void }> {
    const outside = ["/proc", "/dev", ...Object.values(caches).map(latin1)];
    for (let attempt = 1; ; attempt++) {
      await this.ready();
      const { holder } = this;
      const view = await this.snapshots.pin(snapshot);
      try {
        const tree = new Tree(view.root, snapshot.base.binds, outside, this.ids.range, opened);
        const unpin = () => {
          tree.close();
          this.snapshots.unpin(snapshot, view);
        };
        return { tree, unpin };
      } catch (error) {
        this.snapshots.unpin(snapshot, view);
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw asSandboxError(error, "files", "/");
        if (attempt === 2) throw treeLost(error);
        if (!existsSync(holder.session)) await holder.ended; // it has, and this process is yet to hear of it
      }
    }
  }

  /** The user namespace whose root is nobody on the host. */
  async guest(): Promise<void> {
    this.#guest ??= this.holder.run("guest", this.ids.guestMap);
    await this.#guest;
  }

  /** bwrap's options for a command that is in one network with services: they have names there. */
  async namesMount(snapshot: LocalSnapshot, place: Place): Promise<string[]> {
    const own = await this.withTree(snapshot, (tree) => hostsIn(tree));
    return own === undefined ? [] : ["--ro-bind", place.hosts(own), HOSTS_FILE];
  }

  /** bwrap's options for the host's own name service, for a command in the host's network. */
  async resolverMount(tree: Tree): Promise<string[]> {
    const inside = tree.resolve("/etc/resolv.conf", "exec", true);
    if (inside.real !== "/etc/resolv.conf" || !inside.stat?.isFile() || !existsSync("/etc/resolv.conf"))
      return [];
    return ["--ro-bind", await this.stage.show(realpathSync("/etc/resolv.conf")), "/etc/resolv.conf"];
  }

  /** bwrap's options for a command's caches, which live in the state by name, base and user. */
  async cacheMounts(
    tree: Tree,
    base: BaseTree,
    request: ExecRequest,
  ): Promise<{ options: string[]; missing: string[] }> {
    const options: string[] = [];
    const missing: string[] = [];
    for (const [name, path] of Object.entries(request.caches)) {
      // bwrap would follow a link that sandboxed code put in the way, even out of the sandbox.
      const { real, stat } = tree.resolve(path, "exec", true);
      if (real !== latin1(path) || stat?.isDirectory() === false) {
        throw new SandboxError(
          "NOT_A_DIRECTORY",
          `exec: the cache ${name} is to be mounted at ${path}, but a link or a file is in its way there.`,
          { operation: "exec", path },
        );
      }
      if (!stat) missing.push(real);
      const key = createHash("sha256").update(`${name}\0${base.key}`).digest("hex").slice(0, 24);
      const directory = join(this.state.caches, key);
      const owner = this.ids.owner(request.user);
      await markUsed(directory, join(this.directory, "l", `c${key}`), this.baseContext);
      makeDirectories(directory, 0o755);
      if (owner) chownSync(directory, owner.uid, owner.gid);
      options.push("--bind", await this.stage.show(directory), path);
    }
    return { options, missing };
  }

  /** Merges layers of a long chain, while others go on. */
  compact(snapshot: LocalSnapshot): void {
    void compactChain(this, snapshot).catch(() => {}); // a chain that stays long is slower, not wrong
  }

  async close(): Promise<void> {
    await this.#reclaiming;
    await this.snapshots.garbage.flush();
    await this.networks.close();
    await this.holder.close();
    closeSync(this.lease);
    this.cgroups.close();
  }
}
