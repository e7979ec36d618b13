// Runs in a sandbox's network namespace: passes connections to a loopback port on to a socket file, at whose
// other end forkbox connects to the host's proxy. Usage: node forward.mjs PORT SOCKET
import { connect, createServer } from "node:net";

const [port, socket] = process.argv.slice(2);

createServer((client) => {
  const proxy = connect(socket);
  const end = () => {
    client.destroy();
    proxy.destroy();
  };
  client.on("error", end).on("close", end);
  proxy.on("error", end).on("close", end);
  client.pipe(proxy).pipe(client);
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
