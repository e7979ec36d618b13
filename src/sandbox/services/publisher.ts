import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import { MOST_CONNECTIONS } from "../../programs/forward.mjs";

/** A port of this machine's loopback that leads into a sandbox. */
export class Publisher {
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  /** `connect` makes the other end of a connection; where it rejects, the connection ends. */
  static async open(connect: () => Promise<Duplex>): Promise<Publisher> {
    const publisher = new Publisher(connect);
    const server = publisher.#server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return publisher;
  }

  private constructor(connect: () => Promise<Duplex>) {
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
      this.#clients.add(client);
      client.on("close", () => this.#clients.delete(client));
      client.on("error", () => client.destroy());
      connect().then(
        (target) => join(client, target),
        () => client.destroy(),
      );
    });
    // Each holds descriptors of this process, and any program of this machine may open as many as it likes.
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.unref(); // what has to keep this process alive is the service
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    for (const client of this.#clients) client.destroy();
  }
}

/** Each side may end what it says before the other. */
function join(client: Socket, target: Duplex): void {
  if (client.destroyed) return void target.destroy();
  const end = (error: unknown) => {
    if (!error) return;
    client.destroy();
    target.destroy();
  };
  pipeline(client, target, end);
  pipeline(target, client, end);
}
