import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { clearInterval, setInterval } from "../../timers.js";
import { Client } from "../client.js";
import { makeServer } from "../server.js";
import type { World } from "../world.js";
import { MessageLines } from "./message-lines.js";

const LOOK_EVERY_MS = 1000;

/**
 * Serves the one client behind this process's stdin and stdout until it goes: end of input, nobody who reads, the
 * parent's death (its pipes may live on in other processes), or the signal. Nothing is left when it resolves.
 */
export async function serveOnStdio(world: World, signal: AbortSignal): Promise<void> {
  const client = new Client(world.options);
  let gone: () => void = () => undefined;
  const end = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const lines = new MessageLines((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`));
  const wire = new StdioServerTransport(process.stdin.pipe(lines), process.stdout);
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== parent) gone();
  }, LOOK_EVERY_MS);
  process.stdin.on("close", gone).on("end", gone).on("error", gone);
  process.stdout.on("close", gone).on("error", gone);
  signal.addEventListener("abort", gone);
  if (signal.aborted) gone();
  const served = serveStdio(() => makeServer(world, client), { transport: wire });
  try {
    await end;
  } finally {
    clearInterval(watch);
    // Requests are cancelled by it.
    await served.close();
    await client.end();
    process.stdin.destroy();
  }
}
