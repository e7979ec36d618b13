import { Redactor } from "../redaction/redactor.js";
import { callerSecrets, secretValues, withVariables } from "../sandbox/environment.js";
import type { HttpOptions, McpOptions } from "./options.js";
import { Roots } from "./roots.js";
import type { World } from "./world.js";

/** Serves MCP on stdin and stdout until the client goes or the signal comes. */
export async function serveMcpOnStdio(options: McpOptions, signal: AbortSignal): Promise<void> {
  const world = makeWorld(options);
  const { serveOnStdio } = await import("./transports/stdio.js");
  await serveOnStdio(world, signal);
}

/** Serves MCP over HTTP until the signal comes. `listening` gets the address. */
export async function serveMcpOverHttp(
  options: McpOptions,
  http: HttpOptions,
  listening: (url: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const world = makeWorld(options);
  const { serveOverHttp } = await import("./transports/http.js");
  await serveOverHttp(world, http, listening, signal);
}

function makeWorld(options: McpOptions): World {
  const { env, secrets } = options.sandbox;
  const values = secretValues(withVariables(new Map(), env, secrets));
  return { options, roots: new Roots(options.roots), redactor: Redactor.of([...callerSecrets(), ...values]) };
}
