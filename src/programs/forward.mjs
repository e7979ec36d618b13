// @ts-check
// Passes connections on. Plain JavaScript, since it also runs in a program of its own: forward-program.mjs.
import { createServer } from "node:net";

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
