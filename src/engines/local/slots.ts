import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { HolderOwner } from "./holder.js";

/** The named pipes of one running command, opened on our side. See `slot` and `launch` in holder.sh. */
export interface Slot {
  readonly name: string;
  readonly stdout: Socket;
  readonly stderr: Socket;
  readonly status: Socket;
  /** To be called when the job says that it has opened all pipes: our ends for writing. */
  openWriters(): { args: Socket; stdin: Socket | undefined };
  /** Closes what is still open. */
  close(): void;
}

const { O_RDONLY, O_RDWR, O_WRONLY, O_NONBLOCK } = constants;

/** Makes slots and uses them again: a pipe is like new when nobody has it open. */
export class Slots {
  #idle: string[] = [];
  #next = 1;

  constructor(
    private readonly owner: HolderOwner,
    private readonly directory: string,
  ) {}

  /** After the holder died, something may still have them open for a moment. */
  forget(): void {
    this.#idle = [];
  }

  async take(withStdin: boolean): Promise<Slot> {
    let name = this.#idle.pop();
    if (!name) {
      name = String(this.#next++);
      await this.owner.holder.run("slot", name);
    }
    return openSlot(join(this.directory, "io", name), name, withStdin);
  }

  /** Only when no process can have its pipes open any more. */
  give(slot: Slot): void {
    slot.close();
    this.#idle.push(slot.name);
  }
}

function openSlot(path: string, name: string, withStdin: boolean): Slot {
  // Readers first, and writers that are readers too: so the job's own opens never wait for us.
  const reader = (pipe: string) =>
    new Socket({ fd: openSync(join(path, pipe), O_RDONLY | O_NONBLOCK), readable: true, writable: false });
  const keepers = [openSync(join(path, "args"), O_RDWR | O_NONBLOCK)];
  if (withStdin) keepers.push(openSync(join(path, "in"), O_RDWR | O_NONBLOCK));
  const sockets = [reader("out"), reader("err"), reader("status")] as const;
  const writers: Socket[] = [];
  const writer = (pipe: string) => {
    const socket = new Socket({
      fd: openSync(join(path, pipe), O_WRONLY | O_NONBLOCK),
      readable: false,
      writable: true,
    });
    socket.on("error", () => {}); // a command that ends without reading its input
    writers.push(socket);
    return socket;
  };
  const closeKeepers = () => {
    for (const fd of keepers.splice(0)) closeSync(fd);
  };
  return {
    name,
    stdout: sockets[0],
    stderr: sockets[1],
    status: sockets[2],
    openWriters() {
      const opened = { args: writer("args"), stdin: withStdin ? writer("in") : undefined };
      closeKeepers();
      return opened;
    },
    close() {
      closeKeepers();
      for (const socket of [...sockets, ...writers]) socket.destroy();
    },
  };
}
