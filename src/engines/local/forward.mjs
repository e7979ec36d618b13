// @ts-check
// Passes connections on. Also a program that runs in a sandbox's network namespace, and passes those to a loopback
// port on to a socket file, at whose other end forkbox connects to the host's proxy: node forward.mjs PORT SOCKET
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";

/** @import { Server, Socket } from "node:net" */

/**
 * A server that passes each connection on to one that `connectOn` makes. When one side ends, so does the other.
 * @param {() => Socket} connectOn
 * @returns {Server}
 */
export function forwarder(connectOn) {
  return createServer((client) => {
    const target = connectOn();
    const end = () => {
      client.destroy();
      target.destroy();
    };
    client.on("error", end).on("close", end);
    target.on("error", end).on("close", end);
    client.pipe(target).pipe(client);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port, socket = ""] = process.argv.slice(2);
  forwarder(() => connect(socket)).listen(Number(port), "127.0.0.1", () => console.log("ready"));
}
