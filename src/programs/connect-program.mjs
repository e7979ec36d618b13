// @ts-check
// Runs in a sandbox's network namespace, and connects to its loopback for forkbox: node connect-program.mjs SOCKET
// Each connection to the socket says first, in two bytes, which port it is for. Where nothing listens there, it ends.
// Nothing imports it: what is bundled must not take the bundle's own arguments for these.
import { connect, createServer } from "node:net";
import { MOST_CONNECTIONS } from "./forward.mjs";

/** @import { Socket } from "node:net" */

const [socket = ""] = process.argv.slice(2);
const server = createServer({ allowHalfOpen: true }, (client) => {
  client.on("error", () => client.destroy());
  client.once("readable", () => {
    /** @type {Buffer | null} */
    const port = client.read(2);
    if (port === null) return void client.destroy();
    reach(port.readUInt16BE(), client);
  });
});
// A sandbox may have many services, each with as many connections as forkbox lets through.
server.maxConnections = 8 * MOST_CONNECTIONS;
server.listen(socket, () => console.log("ready"));

/**
 * By either address: some servers listen on one of them only.
 * @param {number} port
 * @param {Socket} client
 * @param {string[]} addresses
 */
function reach(port, client, addresses = ["127.0.0.1", "::1"]) {
  const [host, ...others] = addresses;
  if (host === undefined) return void client.destroy();
  const target = connect({ port, host, allowHalfOpen: true });
  let connected = false;
  target.on("connect", () => {
    connected = true;
    client.pipe(target).pipe(client);
    client.on("close", () => target.destroy());
  });
  target.on("error", () => (connected ? client.destroy() : reach(port, client, others)));
  target.on("close", () => {
    if (connected) client.end();
  });
}
