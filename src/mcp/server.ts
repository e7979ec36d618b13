import {
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  ResourceTemplate,
  type ServerContext,
} from "@modelcontextprotocol/server";
import type { z } from "zod";
import { VERSION } from "../version.js";
import { errorResult, resultOf } from "./answer.js";
import type { Client } from "./client.js";
import { failureOf, ToolError } from "./errors.js";
import { instructions } from "./instructions.js";
import { heartbeat } from "./progress.js";
import { OUTPUT_URI, readOutputResource } from "./runs/resources.js";
import { inputSchema, outputSchema } from "./schemas.js";
import type { Tool } from "./tool.js";
import { tools } from "./tools/tools.js";
import type { World } from "./world.js";

const byName = new Map(tools.map((tool) => [tool.name, tool]));
/** Made once: over HTTP there is a server for each request. */
const listed = tools.map(({ name, title, description, hints, input, output }) => ({
  name,
  title,
  description,
  inputSchema: inputSchema(input),
  outputSchema: outputSchema(output),
  annotations: { title, ...hints },
}));
const MOST_ISSUES = 5;

/** A server for one client, of whichever revision. What the client has is in `client`, and outlives the server. */
export function makeServer(world: World, client: Client): McpServer {
  const made = new McpServer(
    { name: "forkbox", title: "forkbox", version: VERSION },
    {
      capabilities: { tools: { listChanged: false }, resources: { listChanged: false } },
      instructions: instructions(world),
    },
  );
  made.server.setRequestHandler("tools/list", () => ({ tools: listed }));
  made.server.setRequestHandler("tools/call", async ({ params }, context) => {
    const tool = byName.get(params.name);
    if (tool) return callTool(tool, params.arguments, context, world, client);
    const message = `There is no tool ${params.name.slice(0, 80)}. There are ${[...byName.keys()].join(", ")}.`;
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, message);
  });
  const metadata = {
    title: "Output of a run",
    description: "All that is kept of what a run printed to a stream. read_output gives parts of it.",
    mimeType: "text/plain",
  };
  made.registerResource(
    "run-output",
    new ResourceTemplate(OUTPUT_URI, { list: undefined }),
    metadata,
    (uri, names) => readOutputResource(uri, names, client, world.redactor),
  );
  return made;
}

async function callTool(tool: Tool, given: unknown, context: ServerContext, world: World, client: Client) {
  const { options, roots, redactor } = world;
  const { signal } = context.mcpReq;
  try {
    const args = tool.input.safeParse(given ?? {});
    if (!args.success) throw wrongArguments(tool, args.error);
    const beat = <T>(newest: () => string, done: Promise<T>) => heartbeat(context, redactor, newest, done);
    const answer = await tool.call(args.data, { client, options, roots, signal, beat });
    return resultOf(answer, redactor);
  } catch (error) {
    return errorResult(failureOf(error), client, redactor);
  }
}

function wrongArguments(tool: Tool, { issues }: z.ZodError): ToolError {
  const said = issues.slice(0, MOST_ISSUES).map(({ path, message }) => {
    const where = path.length > 0 ? `${path.join(".").slice(0, 100)}: ` : "";
    return where + message.slice(0, 200);
  });
  const names = Object.keys(tool.input.shape).join(", ") || "no arguments";
  return new ToolError("INVALID_ARGUMENT", `${tool.name}: ${said.join("; ")}.`, `It takes ${names}.`);
}
