import { chmodSync, closeSync, constants, fchownSync, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout } from "../../../timers.js";
import { type Holder, type HolderOwner, quote } from "../holder/holder.js";
import type { Owner } from "../holder/ids.js";
import { tasksIn } from "../holder/processes.js";
import type { Cgroups, CommandCgroup } from "./cgroups.js";

/** A place where one command can run at a time: a process standing by in its cgroup, and named pipes to it. */
export interface Slot {
  readonly name: string;
  readonly cgroup: CommandCgroup;
  readonly stdout: Socket;
  readonly stderr: Socket;
  readonly status: Socket;
  /** Has the process that stands by call a function of holder.sh; `fed` before it gives that a stdin. */
  call(...words: readonly string[]): void;
  /** Whether that process is alive. */
  isStandingBy(): boolean;
  /** How many tasks are in its cgroup beside that process; undefined where there is no cgroup. */
  strangers(): number | undefined;
  /** Its pipes or its cgroup are held by somebody else: nobody gets them again. */
  spoil(): void;
  isSpoiled(): boolean;
  /** To be called when the job says that it has opened all pipes: our ends for writing. */
  openWriters(fed: Fed | undefined): { args: Socket; stdin: Socket | undefined };
}

/** The process whose stdin is to be written, and who may open that again by name. */
export interface Fed {
  pid: string;
  owner: Owner;
}

interface Place {
  name: string;
  cgroup: CommandCgroup;
  /** The holder in whose mount its pipes are. */
  holder: Holder;
  /** The process that stands by: in the holder's pid namespace, and as the one task of its cgroup. */
  process?: { pid: string; task: string | undefined };
}

const { O_RDONLY, O_RDWR, O_WRONLY, O_NONBLOCK } = constants;

/** Makes slots and uses them again: pipes and cgroups are like new when no process of a command is in them. */
export class Slots {
  #idle: Place[] = [];
  #next = 1;

  constructor(
    private readonly owner: HolderOwner,
    private readonly cgroups: Cgroups,
  ) {}

  async take(): Promise<Slot & { give: () => void }> {
    const place = this.#takeIdle() ?? (await this.#make());
    const { holder } = place;
    let slot: ReturnType<typeof openSlot>;
    try {
      await this.#standBy(place);
      slot = openSlot(place);
    } catch (error) {
      this.#idle.push(place);
      throw error;
    }
    const give = () => {
      slot.close();
      if (!slot.isSpoiled()) this.#idle.push(place);
      else if (place.process) holder.send("stop", place.process.pid);
    };
    return { ...slot, isStandingBy: () => isStandingBy(place), give };
  }

  /** Those of a holder that has ended are of no use: their pipes were its. */
  #takeIdle(): Place | undefined {
    this.#idle = this.#idle.filter(({ holder }) => holder === this.owner.holder);
    return this.#idle.pop();
  }

  async #make(): Promise<Place> {
    const { holder } = this.owner;
    const name = String(this.#next++);
    await holder.run("slot", name);
    return { name, cgroup: this.cgroups.make(name), holder };
  }

  /** One that stood by may have been killed when its cgroup was full. */
  async #standBy(place: Place): Promise<void> {
    if (isStandingBy(place)) return;
    const { directories } = place.cgroup;
    const pid = await place.holder.call("standby", place.name, ...directories);
    // Nothing else is in there yet. Known by its number, so that nobody is taken for it who has killed it.
    const task = directories[0] && tasksIn(directories[0])?.[0];
    place.process = { pid, task };
  }
}

function isStandingBy({ process, holder }: Place): boolean {
  return process !== undefined && holder.isRunning(process.pid);
}

function openSlot({ name, cgroup, holder, process }: Place) {
  const path = join(holder.pipes, name);
  // A command of an ordinary caller owns them while it runs, and may have closed them to the next.
  for (const pipe of ["out", "err"]) chmodSync(join(path, pipe), 0o622);
  const pipes = openPipes(path);
  const keepers = [pipes.go, pipes.args];
  const [stdout, stderr, status] = [pipes.out, pipes.err, pipes.status].map(
    (fd) => new Socket({ fd, readable: true, writable: false }),
  ) as [Socket, Socket, Socket];
  const writers: Socket[] = [];
  let closed = false;
  let spoiled = false;
  const writer = (pipe: string, owner?: Owner) => {
    const fd = openSync(pipe, O_WRONLY | O_NONBLOCK);
    const socket = new Socket({ fd, readable: false, writable: true });
    socket.on("error", () => {}); // a command that ends without reading its input
    writers.push(socket);
    if (owner) fchownSync(fd, owner.uid, owner.gid);
    return socket;
  };
  const closeKeepers = () => {
    for (const fd of keepers.splice(0)) closeSync(fd);
  };
  return {
    name,
    cgroup,
    stdout,
    stderr,
    status,
    call(...words: readonly string[]) {
      void writeLine(pipes.go, words.map(quote).join(" "), () => closed);
    },
    openWriters(fed: Fed | undefined) {
      try {
        const stdin = fed && writer(join(holder.proc, fed.pid, "fd/0"), fed.owner);
        return { args: writer(join(path, "args")), stdin };
      } finally {
        closeKeepers(); // where the args can't be written, they end
      }
    },
    strangers() {
      const [directory] = cgroup.directories;
      if (directory === undefined) return undefined;
      // When it has been killed, for the memory of its cgroup say, its number may be that of a process of the command.
      const own = process && holder.isRunning(process.pid) ? process.task : undefined;
      return tasksIn(directory)?.filter((task) => task !== own).length;
    },
    spoil() {
      spoiled = true;
    },
    isSpoiled: () => spoiled,
    close() {
      closed = true;
      closeKeepers();
      for (const socket of [stdout, stderr, status, ...writers]) socket.destroy();
    },
  };
}

// What is written is read here, too: so the job's own opens never wait for us.
const PIPES = { out: O_RDONLY, err: O_RDONLY, status: O_RDONLY, go: O_RDWR, args: O_RDWR } as const;

/** All of a slot's pipes or, where that fails, none. */
function openPipes(path: string): Record<keyof typeof PIPES, number> {
  const opened: [string, number][] = [];
  try {
    for (const [pipe, flags] of Object.entries(PIPES))
      opened.push([pipe, openSync(join(path, pipe), flags | O_NONBLOCK)]);
    return Object.fromEntries(opened) as Record<keyof typeof PIPES, number>;
  } catch (error) {
    for (const [, fd] of opened) closeSync(fd);
    throw error;
  }
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
