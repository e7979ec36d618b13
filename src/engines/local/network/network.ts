import { closeSync, constants, existsSync, openSync, realpathSync } from "node:fs";
import { connect, type Server } from "node:net";
import { join } from "node:path";
import { SandboxError } from "../../../errors.js";
import { forwarder } from "../../../programs/forward.mjs";
import { helperPath, nodeProgram } from "../holder/helpers.js";
import type { Holder, HolderOwner } from "../holder/holder.js";
import { callerProxies } from "./proxy.js";

/** A network namespace with a user-mode stack of its own, one running command's at a time. */
export interface Network {
  /** For nsenter, as the holder sees it. */
  readonly path: string;
  /** The stack's process, in the holder's pid namespace. */
  readonly stack: string;
  /** It ends with that. */
  readonly holder: Holder;
}

/** Of sandboxes that may run another command, each a mount and a process. */
const IDLE = 4;

/**
 * Starts slirp4netns for network namespaces of the holder. What is on its way to a sandbox stays with its stack for
 * minutes after the command has ended, so no sandbox ever gets the namespace of another, a fork's included.
 *
 * slirp4netns keeps sandboxes from the host's loopback only: a service on 0.0.0.0 answers at all the host's other
 * addresses. They are cut off in each namespace, and followed by a process of the holder's (`watch` in holder.sh),
 * with whose end every stack ends.
 */
export class Networks {
  readonly proxies = callerProxies();
  /** What of slirp4netns' walls this machine grants it. */
  readonly walls = stackWalls();
  /** By the sandbox whose they are; the one used last is the last. */
  #idle = new Map<symbol, Network>();
  /** Made before anybody asks. */
  #ahead: Promise<Network> | undefined;
  #next = 1;
  #watch: Watch | undefined;
  #forwards: Promise<Forwards> | undefined;

  constructor(
    private readonly owner: HolderOwner,
    private readonly directory: string,
  ) {}

  /** They ended with their holder. */
  forget(): void {
    this.#idle.clear();
    this.#ahead = undefined;
  }

  /** A sandbox's own namespace, or a new one. Throws ENGINE_ERROR. */
  async take(sandbox: symbol): Promise<Network> {
    const own = this.#idle.get(sandbox);
    this.#idle.delete(sandbox);
    if (own && isUp(own)) return own;
    if (own) this.end(own);
    // Taken before it is waited for: another call meanwhile must not get the same.
    const promised = this.#ahead;
    this.#ahead = undefined;
    const isFirst = this.#next === 1;
    const ahead = await promised?.catch(() => undefined);
    const network = ahead && isUp(ahead) ? ahead : await this.#make();
    if (!isFirst) this.#prepare();
    return network;
  }

  /** For the sandbox's next command; only when no process of its last one is alive. */
  give(sandbox: symbol, network: Network): void {
    if (!network.holder.alive) return;
    this.#idle.set(sandbox, network);
    if (this.#idle.size <= IDLE) return;
    const [oldest, unused] = this.#idle.entries().next().value as [symbol, Network];
    this.#idle.delete(oldest);
    this.end(unused);
  }

  /** A namespace with nothing but a loopback. Throws ENGINE_ERROR. */
  async lone(): Promise<Pick<Network, "path" | "holder">> {
    const { holder } = this.owner;
    const path = `net/${this.#next++}`;
    try {
      await holder.call("lone", path);
      return { path, holder };
    } catch (cause) {
      this.end({ holder, path });
      throw notMade(cause);
    }
  }

  async close(): Promise<void> {
    (await this.#forwards?.catch(() => undefined))?.close();
  }

  #prepare(): void {
    this.#ahead ??= this.#make();
    this.#ahead.catch(() => {}); // it is seen when one is needed
  }

  /** Instead of giving it back: something may be left in it. */
  end({ holder, path }: Pick<Network, "holder" | "path">): void {
    void holder.call("unnet", path).catch(() => {});
  }

  async #make(): Promise<Network> {
    const { holder } = this.owner;
    const path = `net/${this.#next++}`;
    const ports = this.proxies.loopback.map(({ port }) => String(port));
    try {
      this.#forwards ??= openForwards(this.proxies.loopback, this.directory);
      await this.#forwards;
      // The watch first, as the other waits for it.
      const watch = this.#watching(holder);
      const [stack] = await Promise.all([startStack(holder, path, this.walls, ports), watch]);
      return { path, stack, holder };
    } catch (cause) {
      this.end({ holder, path });
      throw notMade(cause);
    }
  }

  /** One watch a holder, and another when it has ended. */
  #watching(holder: Holder): Promise<unknown> {
    const known = this.#watch;
    if (known?.holder === holder && (!known.pid || holder.isRunning(known.pid))) return known.ready;
    const watch: Watch = { holder, ready: holder.call("watch") };
    this.#watch = watch;
    watch.ready.then(
      (pid) => {
        watch.pid = pid;
      },
      () => {
        this.#watch = undefined;
      },
    );
    return watch.ready;
  }
}

function notMade(cause: unknown): SandboxError {
  if (cause instanceof SandboxError) return cause;
  return new SandboxError(
    "ENGINE_ERROR",
    `exec: the network of the sandbox could not be started: ${(cause as Error).message}. Run \`forkbox doctor\`, or use network "off".`,
    { operation: "exec", cause },
  );
}

interface Watch {
  readonly holder: Holder;
  readonly ready: Promise<string>;
  /** Once it is known. */
  pid?: string;
}

function isUp({ holder, stack }: Network): boolean {
  return holder.isRunning(stack);
}

/** What slirp4netns can put up around itself: a root file system of its own, and a filter for system calls. */
export const STACK_WALLS = ["--enable-sandbox", "--enable-seccomp"];

/** Those that it is to put up here. */
function stackWalls(): string[] {
  return STACK_WALLS.filter((wall) => wall !== "--enable-sandbox" || canSandboxFind("/etc/resolv.conf"));
}

/** In its own root file system slirp4netns has only /etc and /run. */
function canSandboxFind(path: string): boolean {
  return !existsSync(path) || /^\/(etc|run)\//.test(realpathSync(path));
}

/**
 * Makes a network namespace with slirp4netns in it, and gives that one's pid. Walls that this machine refuses it
 * (some containers do) are taken out of `walls`.
 */
async function startStack(
  holder: Holder,
  path: string,
  walls: string[],
  ports: readonly string[],
): Promise<string> {
  const forward = ports.length > 0 ? [nodeProgram(), helperPath("forward-program.mjs")] : ["", ""];
  for (;;) {
    try {
      return await holder.call("net", path, walls.join(" "), ...forward, ...ports);
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

interface Forwards {
  close(): void;
}

/** Our side of the forwarded proxies; see forward-program.mjs for the sandbox's. */
async function openForwards(
  proxies: readonly { host: string; port: number }[],
  directory: string,
): Promise<Forwards> {
  if (proxies.length === 0) return { close: () => {} };
  // By descriptor: a socket's path may have 107 bytes, and the state's any number.
  const place = openSync(join(directory, "net"), constants.O_RDONLY | constants.O_DIRECTORY);
  const servers: Server[] = [];
  const close = () => {
    for (const server of servers) server.close();
    closeSync(place);
  };
  try {
    for (const { host, port } of proxies) {
      const server = forwarder(() => connect(port, host)).unref();
      servers.push(server);
      await new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(`/proc/self/fd/${place}/p${port}`, () => resolve(undefined));
      });
    }
    return { close };
  } catch (error) {
    close();
    throw error;
  }
}
