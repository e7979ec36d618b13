import { rmSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { SandboxError } from "../../errors.js";
import type { HolderOwner } from "./holder.js";

/** A network namespace with a user-mode stack of its own, one running command's at a time. */
export interface Network {
  /** For nsenter, as the holder sees it. */
  readonly path: string;
}

/** Idle ones kept: each is a mount and a process. */
const IDLE = 2;

/**
 * Starts slirp4netns for network namespaces of the holder. Between two commands no process of a sandbox is
 * alive and none may configure its network, so a namespace is as good as new for the next command.
 */
export class Networks {
  #idle: Network[] = [];
  #next = 1;

  constructor(
    private readonly owner: HolderOwner,
    private readonly directory: string,
  ) {}

  /** They ended with their holder. */
  forget(): void {
    this.#idle = [];
  }

  async take(): Promise<Network> {
    return this.#idle.pop() ?? this.#make();
  }

  give(network: Network): void {
    if (this.#idle.length < IDLE) this.#idle.push(network);
    else void this.owner.holder.call("unnet", network.path).catch(() => {});
  }

  async #make(): Promise<Network> {
    const path = `net/${this.#next++}`;
    writeFileSync(join(this.directory, `${path}.routes`), blackholes());
    try {
      await this.owner.holder.call("net", path);
    } catch (cause) {
      throw new SandboxError(
        "ENGINE_ERROR",
        `exec: the network of the sandbox could not be started: ${(cause as Error).message}. Run \`forkbox doctor\`, or use network "off".`,
        { operation: "exec", cause },
      );
    } finally {
      rmSync(join(this.directory, `${path}.routes`), { force: true });
    }
    return { path };
  }
}

/**
 * slirp4netns keeps sandboxes from the host's loopback only: a service on 0.0.0.0 answers at the host's other
 * addresses, and a cloud's metadata service at its link-local one.
 */
function blackholes(): string {
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal);
  const v4 = own.filter(({ family }) => family === "IPv4").map(({ address }) => `${address}/32`);
  const v6 = own
    .filter(({ family, address }) => family === "IPv6" && !address.startsWith("fe80"))
    .map(({ address }) => `${address}/128`);
  return [
    ...["169.254.0.0/16", ...v4].map((to) => `route add blackhole ${to}\n`),
    ...["fe80::/10", ...v6].map((to) => `route add blackhole ${to}\n`),
  ].join("");
}
