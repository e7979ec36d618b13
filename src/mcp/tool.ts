import { z } from "zod";
import type { Client } from "./client.js";
import type { McpOptions } from "./options.js";
import type { Roots } from "./roots.js";

/** What every call has at hand. */
export interface Call {
  client: Client;
  options: McpOptions;
  roots: Roots;
  /** The request was cancelled, or its client is gone. */
  signal: AbortSignal;
  /** Tells a client that asked for it, every few seconds until `done` settles, that it goes on, and the newest output. */
  beat<T>(newest: () => string, done: Promise<T>): Promise<T>;
}

/** What a tool gives: facts of its output schema, and how they read. */
export interface Answer {
  facts: Record<string, unknown>;
  /** Long texts of the facts that are shown as they are instead of as JSON. */
  blocks?: readonly string[];
  /** Where all of it can be read. */
  links?: readonly { uri: string; name: string; description: string; mimeType: string }[];
  /** What ran did not come to its end: the facts say how far it came. */
  failed?: boolean;
}

/** Whether a tool changes anything, and whether calling it twice does more than calling it once. */
export interface Hints {
  readOnlyHint: boolean;
  destructiveHint: boolean;
  idempotentHint: boolean;
  openWorldHint: boolean;
}

export interface Tool {
  name: string;
  title: string;
  description: string;
  hints: Hints;
  input: z.ZodObject;
  output: z.ZodObject;
  call(args: unknown, call: Call): Promise<Answer>;
}

/** Ties what `call` gets to the schema. */
export function tool<Input extends z.ZodObject>(
  definition: Omit<Tool, "input" | "call"> & {
    input: Input;
    call(args: z.output<Input>, call: Call): Promise<Answer>;
  },
): Tool {
  return definition as unknown as Tool;
}

export const LOOKS: Hints = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};
export const ADDS: Hints = { ...LOOKS, readOnlyHint: false, idempotentHint: false };
export const CHANGES: Hints = { ...ADDS, destructiveHint: true };

const LONGEST_PATH = 4096;
/** Clients give up after a minute. */
const DEFAULT_WAIT_MS = 45_000;
const LONGEST_WAIT_MS = 600_000;

export const sandboxId = z.string().min(1).max(100).describe("From create_sandbox or fork_sandbox.");
export const runId = z.string().min(1).max(100).describe("From exec or validate.");
export const path = (what: string) => z.string().min(1).max(LONGEST_PATH).describe(what);
export const hostPath = (what: string) =>
  path(
    `${what}: a directory of the host, in one of the operator's roots. A relative one starts in the first root.`,
  );
export const globs = (what: string) =>
  z.array(z.string().min(1).max(1024)).max(200).optional().describe(what);
export const waitMs = z
  .int()
  .min(0)
  .max(LONGEST_WAIT_MS)
  .default(DEFAULT_WAIT_MS)
  .describe(
    "Milliseconds to wait for the end. If it still runs then, the answer says so; go on with get_run.",
  );
