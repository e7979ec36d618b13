import { chmodSync, closeSync, constants, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { Cgroups, CommandCgroup } from "./cgroups.js";
import { type Holder, type HolderOwner, quote } from "./holder.js";

/** A place where one command can run at a time: a process standing by in its cgroup, and named pipes to it. */
export interface Slot {
  readonly name: string;
  readonly cgroup: CommandCgroup;
  readonly stdout: Socket;
  readonly stderr: Socket;
  readonly status: Socket;
  /** Has the process that stands by call a function of holder.sh. */
  call(name: string, ...args: readonly string[]): void;
  /** Whether that process is alive. */
  isStandingBy(): boolean;
  /** Its pipes are held by somebody else: nobody gets them again. */
  spoil(): void;
  /** To be called when the job says that it has opened all pipes: our ends for writing. */
  openWriters(): { args: Socket; stdin: Socket | undefined };
}

interface Place {
  name: string;
  cgroup: CommandCgroup;
  /** The process that stands by, and the holder it is a child of. */
  process?: { pid: string; holder: Holder };
}

const { O_RDONLY, O_RDWR, O_WRONLY, O_NONBLOCK } = constants;

/** Makes slots and uses them again: pipes and cgroups are like new when no process of a command is in them. */
export class Slots {
  #idle: Place[] = [];
  #next = 1;

  constructor(
    private readonly owner: HolderOwner,
    private readonly cgroups: Cgroups,
    private readonly directory: string,
  ) {}

  async take(withStdin: boolean): Promise<Slot & { give: () => void }> {
    const place = this.#idle.pop() ?? (await this.#make());
    let slot: ReturnType<typeof openSlot>;
    try {
      await this.#standBy(place);
      slot = openSlot(join(this.directory, "io", place.name), place, withStdin);
    } catch (error) {
      this.#idle.push(place);
      throw error;
    }
    const give = () => {
      slot.close();
      if (!slot.isSpoiled()) this.#idle.push(place);
      else if (place.process?.holder === this.owner.holder) this.owner.holder.send("stop", place.process.pid);
    };
    return { ...slot, isStandingBy: () => isStandingBy(place, this.owner.holder), give };
  }

  async #make(): Promise<Place> {
    const name = String(this.#next++);
    await this.owner.holder.run("slot", name);
    return { name, cgroup: this.cgroups.make(name) };
  }

  /** A process of an earlier holder has ended with it; one of this may have been killed when its cgroup was full. */
  async #standBy(place: Place): Promise<void> {
    const { holder } = this.owner;
    if (isStandingBy(place, holder)) return;
    const pid = await holder.call("standby", place.name, ...place.cgroup.directories);
    place.process = { pid, holder };
  }
}

function isStandingBy({ process }: Place, holder: Holder): boolean {
  return process?.holder === holder && holder.isRunning(process.pid);
}

function openSlot(path: string, { name, cgroup }: Place, withStdin: boolean) {
  // A command of an ordinary caller owns them while it runs, and may have closed them to the next.
  for (const pipe of ["out", "err"]) chmodSync(join(path, pipe), 0o622);
  // Readers first, and writers that are readers too: so the job's own opens never wait for us.
  const reader = (pipe: string) =>
    new Socket({ fd: openSync(join(path, pipe), O_RDONLY | O_NONBLOCK), readable: true, writable: false });
  const keeper = (pipe: string) => openSync(join(path, pipe), O_RDWR | O_NONBLOCK);
  const go = keeper("go");
  const keepers = [go, keeper("args"), ...(withStdin ? [keeper("in")] : [])];
  const sockets = [reader("out"), reader("err"), reader("status")] as const;
  const writers: Socket[] = [];
  let closed = false;
  let spoiled = false;
  const writer = (pipe: string) => {
    const fd = openSync(join(path, pipe), O_WRONLY | O_NONBLOCK);
    const socket = new Socket({ fd, readable: false, writable: true });
    socket.on("error", () => {}); // a command that ends without reading its input
    writers.push(socket);
    return socket;
  };
  const closeKeepers = () => {
    for (const fd of keepers.splice(0)) closeSync(fd);
  };
  return {
    name,
    cgroup,
    stdout: sockets[0],
    stderr: sockets[1],
    status: sockets[2],
    call(name: string, ...args: readonly string[]) {
      void writeLine(go, [name, ...args.map(quote)].join(" "), () => closed);
    },
    openWriters() {
      const opened = { args: writer("args"), stdin: withStdin ? writer("in") : undefined };
      closeKeepers();
      return opened;
    },
    spoil() {
      spoiled = true;
    },
    isSpoiled: () => spoiled,
    close() {
      closed = true;
      closeKeepers();
      for (const socket of [...sockets, ...writers]) socket.destroy();
    },
  };
}

/** The pipe takes 64 KiB at once; the rest of a longer line goes as the other side reads, if it does. */
async function writeLine(fd: number, line: string, isClosed: () => boolean): Promise<void> {
  const bytes = Buffer.from(`${line}\n`);
  for (let at = 0; at < bytes.length && !isClosed(); ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
