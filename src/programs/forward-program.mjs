// @ts-check
// Runs in a sandbox's network namespace, and passes connections to a loopback port on to a socket file, at whose
// other end forkbox connects to the host's proxy: node forward-program.mjs PORT SOCKET
// Nothing imports it: what is bundled must not take the bundle's own arguments for these.
import { connect } from "node:net";
import { forwarder } from "./forward.mjs";

const [port, socket = ""] = process.argv.slice(2);
forwarder(() => connect(socket)).listen(Number(port), "127.0.0.1", () => console.log("ready"));
