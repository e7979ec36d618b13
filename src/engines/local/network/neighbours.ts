import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NetworkMode } from "../../../engine.js";
import type { Holder, HolderOwner } from "../holder/holder.js";
import type { Network, Networks } from "./network.js";

/** A network namespace of the holder's, with a user-mode stack in it or without. */
export type Namespace = Pick<Network, "path" | "holder">;

/** A command's place in a network, until it leaves. */
export interface Place {
  /** Undefined where the command has a namespace of its own making, or the host's. */
  readonly namespace: Namespace | undefined;
  /** The services that are in it, this one included, by name. */
  readonly names: readonly string[];
  /** A file that says where the services are, for as long as this place is taken: `own` is what else is in it. */
  hosts(own: string): string;
  /** To be called when the command has ended; `spoiled`: something of it may be left. */
  leave(spoiled: boolean): void;
}

/** A namespace that services and the other commands of one sandbox are in together. */
interface Shared {
  readonly mode: NetworkMode;
  readonly holder: Holder;
  readonly namespace: Promise<Namespace>;
  readonly names: string[];
  /** The hosts files of those that are in it: path to what else is in the file. */
  readonly hosts: Map<string, string>;
  count: number;
  spoiled: boolean;
}

/**
 * Who is in one network namespace with whom. Without services each command is alone, as one sandbox runs one at a
 * time; while a service runs, the sandbox's commands of the same network mode are in its namespace.
 */
export class Neighbours {
  #shared = new Map<symbol, Shared>();
  #next = 1;

  constructor(
    private readonly owner: HolderOwner,
    private readonly networks: Networks,
    private readonly directory: string,
  ) {}

  /** They ended with their holder. */
  forget(): void {
    this.#shared.clear();
  }

  /** `service` is the name of the one that is being started. Throws ENGINE_ERROR. */
  async join(sandbox: symbol, mode: NetworkMode, service?: string): Promise<Place> {
    const known = this.#shared.get(sandbox);
    if (known?.mode === mode && known.holder.alive) return this.#enter(sandbox, known, service);
    if (service !== undefined) return this.#enter(sandbox, this.#share(sandbox, mode), service);
    if (mode !== "on") return alone;
    const network = await this.networks.take(sandbox);
    return {
      ...alone,
      namespace: network,
      leave: (spoiled) => this.#giveBack(sandbox, network, spoiled),
    };
  }

  #share(sandbox: symbol, mode: NetworkMode): Shared {
    const { holder } = this.owner;
    const namespace = mode === "on" ? this.networks.take(sandbox) : this.networks.lone();
    const shared = { mode, holder, namespace, names: [], hosts: new Map(), count: 0, spoiled: false };
    this.#shared.set(sandbox, shared);
    return shared;
  }

  async #enter(sandbox: symbol, shared: Shared, service: string | undefined): Promise<Place> {
    shared.count++;
    const { names, hosts } = shared;
    const taken: string[] = [];
    const tell = () => {
      for (const [path, own] of hosts) writeFileSync(path, hostsText(own, names));
    };
    const leave = (spoiled: boolean) => {
      for (const path of taken) {
        hosts.delete(path);
        rmSync(path, { force: true });
      }
      if (service !== undefined) names.splice(names.indexOf(service), 1);
      shared.spoiled ||= spoiled;
      if (--shared.count > 0) return tell();
      if (this.#shared.get(sandbox) === shared) this.#shared.delete(sandbox);
      shared.namespace.then(
        (namespace) => this.#giveBack(sandbox, namespace, shared.spoiled),
        () => {},
      );
    };
    if (service !== undefined) names.push(service);
    try {
      const namespace = await shared.namespace;
      tell();
      return {
        namespace,
        names,
        hosts: (own) => {
          const name = `${namespace.path}.hosts${this.#next++}`;
          const path = join(this.directory, name);
          writeFileSync(path, hostsText(own, names));
          chmodSync(path, 0o644); // whatever the caller's umask
          taken.push(path);
          hosts.set(path, own);
          return name;
        },
        leave,
      };
    } catch (error) {
      leave(false);
      throw error;
    }
  }

  #giveBack(sandbox: symbol, namespace: Namespace, spoiled: boolean): void {
    if ("stack" in namespace && !spoiled) this.networks.give(sandbox, namespace as Network);
    else this.networks.end(namespace);
  }
}

const alone: Place = { namespace: undefined, names: [], hosts: () => "", leave: () => {} };

function hostsText(own: string, names: readonly string[]): string {
  return `${own.replace(/\n?$/, "\n")}${names.map((name) => `127.0.0.1 ${name}\n`).join("")}`;
}
