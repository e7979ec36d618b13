import { existsSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { SandboxError } from "../../errors.js";
import { forwarder } from "./forward.mjs";
import { helperPath, nodeProgram } from "./helpers.js";
import type { Holder, HolderOwner } from "./holder.js";
import { callerProxies } from "./proxy.js";

/** A network namespace with a user-mode stack of its own, one running command's at a time. */
export interface Network {
  /** For nsenter, as the holder sees it. */
  readonly path: string;
  /** What was cut off when it was made. */
  readonly routes: string;
  /** It ends with that. */
  readonly holder: Holder;
}

/** Idle ones kept: each is a mount and a process. */
const IDLE = 2;

/**
 * Starts slirp4netns for network namespaces of the holder. Between two commands no process of a sandbox is
 * alive and none may configure its network, so a namespace is as good as new for the next command.
 */
export class Networks {
  readonly proxies = callerProxies();
  #idle: Network[] = [];
  #next = 1;
  #forwards: Promise<Server[]> | undefined;
  readonly #walls = stackWalls();

  constructor(
    private readonly owner: HolderOwner,
    private readonly directory: string,
  ) {}

  /** They ended with their holder. */
  forget(): void {
    this.#idle = [];
  }

  async take(): Promise<Network> {
    const routes = blackholes();
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (idle.routes === routes) return idle;
      this.#end(idle); // the host has other addresses by now
    }
    return this.#make(routes);
  }

  give(network: Network): void {
    if (!network.holder.alive) return;
    if (this.#idle.length < IDLE) this.#idle.push(network);
    else this.#end(network);
  }

  async close(): Promise<void> {
    for (const server of (await this.#forwards) ?? []) server.close();
  }

  #end(network: Network): void {
    void network.holder.call("unnet", network.path).catch(() => {});
  }

  async #make(routes: string): Promise<Network> {
    const { holder } = this.owner;
    const path = `net/${this.#next++}`;
    const ports = this.proxies.loopback.map(({ port }) => String(port));
    writeFileSync(join(this.directory, `${path}.routes`), routes);
    try {
      this.#forwards ??= Promise.all(this.proxies.loopback.map((proxy) => forward(proxy, this.directory)));
      await this.#forwards;
      await startStack(holder, path, this.#walls, ports);
    } catch (cause) {
      if (cause instanceof SandboxError) throw cause;
      this.#end({ path, routes, holder });
      throw new SandboxError(
        "ENGINE_ERROR",
        `exec: the network of the sandbox could not be started: ${(cause as Error).message}. Run \`forkbox doctor\`, or use network "off".`,
        { operation: "exec", cause },
      );
    } finally {
      rmSync(join(this.directory, `${path}.routes`), { force: true });
    }
    return { path, routes, holder };
  }
}

/** What slirp4netns can put up around itself: a root file system of its own, and a filter for system calls. */
export const STACK_WALLS = ["--enable-sandbox", "--enable-seccomp"];

/** Those that it is to put up here. */
export function stackWalls(): string[] {
  return STACK_WALLS.filter((wall) => wall !== "--enable-sandbox" || canSandboxFind("/etc/resolv.conf"));
}

/** In its own root file system slirp4netns has only /etc and /run. */
function canSandboxFind(path: string): boolean {
  return !existsSync(path) || /^\/(etc|run)\//.test(realpathSync(path));
}

/**
 * Makes a network namespace with slirp4netns in it. Walls that this machine refuses it (some containers do) are
 * taken out of `walls`.
 */
export async function startStack(
  holder: Holder,
  path: string,
  walls: string[],
  ports: readonly string[],
): Promise<void> {
  const forward = ports.length > 0 ? [nodeProgram(), helperPath("forward-program.mjs")] : ["", ""];
  for (;;) {
    try {
      await holder.call("net", path, walls.join(" "), ...forward, ...ports);
      return;
    } catch (error) {
      const { message } = error as Error;
      const refused = walls.findIndex((wall) => REFUSALS[wall]?.test(message));
      if (refused === -1) throw error;
      walls.splice(refused, 1);
      await holder.run("umount", "-n", "-l", path);
    }
  }
}

const REFUSALS: Readonly<Record<string, RegExp>> = {
  "--enable-sandbox": /create_sandbox failed|unrecognized option '--enable-sandbox'/,
  "--enable-seccomp": /enable_seccomp failed|unrecognized option '--enable-seccomp'/,
};

/** Our side of a forwarded proxy; see forward-program.mjs for the sandbox's. */
async function forward({ host, port }: { host: string; port: number }, directory: string): Promise<Server> {
  const server = forwarder(() => connect(port, host)).unref();
  await new Promise((resolve, reject) => {
    server.once("error", reject).listen(join(directory, `net/p${port}`), () => resolve(undefined));
  });
  return server;
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
