import { once } from "node:events";
import { open } from "node:fs/promises";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { helperPath, nodeProgram } from "../holder/helpers.js";
import type { Holder } from "../holder/holder.js";
import type { Namespace } from "./neighbours.js";

/** The kernel lists what listens before it lists connections, of which sandboxed code may make any number. */
const LISTENING_BYTES = 256 * 1024;
const LISTEN = "0A";

/** Whether something listens on a TCP port in the network of a process of the holder's namespace. See proc(5). */
export async function isListening(holder: Holder, pid: string, port: number): Promise<boolean> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const table of ["tcp", "tcp6"]) {
    for (const line of (await beginningOf(`${holder.proc}/${pid}/net/${table}`)).split("\n").slice(1)) {
      const [, local = "", , state] = line.trim().split(/\s+/);
      if (state === LISTEN && local.endsWith(wanted)) return true;
    }
  }
  return false;
}

async function beginningOf(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined); // it has ended
  if (!file) return "";
  try {
    let text = "";
    const part = Buffer.alloc(64 * 1024);
    while (text.length < LISTENING_BYTES) {
      const { bytesRead } = await file.read(part, 0, part.length);
      if (bytesRead === 0) break;
      text += part.toString("latin1", 0, bytesRead);
    }
    return text;
  } catch {
    return "";
  } finally {
    await file.close();
  }
}

const connectors = new WeakMap<Namespace, Promise<string>>();

/** A connection to a loopback port of a namespace; the first starts what makes them there, see connect-program.mjs. */
export async function connectInto(namespace: Namespace, port: number): Promise<Duplex> {
  const { holder, path } = namespace;
  let ready = connectors.get(namespace);
  if (!ready) {
    ready = holder.call("connector", path, nodeProgram(), helperPath("connect-program.mjs"));
    connectors.set(namespace, ready);
    ready.catch(() => connectors.delete(namespace));
  }
  await ready;
  const socket = connect({ path: `${holder.session}/${path}.connect`, allowHalfOpen: true });
  await once(socket, "connect");
  const wanted = Buffer.alloc(2);
  wanted.writeUInt16BE(port);
  socket.write(wanted);
  return socket;
}
