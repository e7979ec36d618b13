// @ts-check
// Passes connections on. Plain JavaScript, since it also runs in a program of its own: forward-program.mjs.
import { createServer } from "node:net";

/** @import { Server, Socket } from "node:net" */

/** At once: each holds two descriptors of the caller's process, and sandboxed code may open as many as it likes. */
export const MOST_CONNECTIONS = 128;

/**
 * A server that passes each connection on to one that `connectOn` makes. When one side ends, so does the other.
 * @param {() => Socket} connectOn
 * @returns {Server}
 */
export function forwarder(connectOn) {
  const server = createServer((client) => {
    const target = connectOn();
    const end = () => {
      client.destroy();
      target.destroy();
    };
    client.on("error", end).on("close", end);
    target.on("error", end).on("close", end);
    client.pipe(target).pipe(client);
  });
  server.maxConnections = MOST_CONNECTIONS;
  return server;
}
