import type { CallToolResult } from "@modelcontextprotocol/server";
import type { Redactor } from "../redaction/redactor.js";
import type { Client } from "./client.js";
import type { Failure } from "./errors.js";
import type { Answer } from "./tool.js";

const MOST_IDS = 20;
const LONGEST_MESSAGE = 1500;

/**
 * The answer of a tool as it goes out, without secrets. Facts are structured content and, once more, text: a client
 * shows its model one or the other, so both are complete, and together small enough.
 */
export function resultOf(
  { facts, blocks = [], links = [], failed = false }: Answer,
  redactor: Redactor,
): CallToolResult {
  const clean = redacted(facts, redactor);
  return {
    content: [
      { type: "text", text: textOf(clean, blocks) },
      ...links.map((link) => ({ type: "resource_link" as const, ...link })),
    ],
    structuredContent: clean,
    ...(failed && { isError: true }),
  };
}

/** What went wrong, what to do, and the ids that the client could have meant. */
export function errorResult(failure: Failure, client: Client, redactor: Redactor): CallToolResult {
  const sandboxes = client.boxes.map(({ id }) => id).slice(-MOST_IDS);
  const runs = client.runs.map(({ id }) => id).slice(-MOST_IDS);
  const error = redacted(
    { ...failure, message: failure.message.slice(0, LONGEST_MESSAGE), sandboxes, runs },
    redactor,
  );
  const text = [
    `${error.code}: ${error.message}`,
    ...(error.next === "" ? [] : [`What to do: ${error.next}`]),
    `Sandboxes: ${error.sandboxes.join(", ") || "none"}. Runs: ${error.runs.join(", ") || "none"}.`,
  ];
  return { content: [{ type: "text", text: text.join("\n") }], structuredContent: { error }, isError: true };
}

/** Every string in it, names of files included: sandboxed code may have called one like a secret. */
function redacted<T>(value: T, redactor: Redactor): T {
  if (redactor.values.size === 0) return value;
  if (typeof value === "string") return redactor.redactText(value) as T;
  if (Array.isArray(value)) return value.map((item) => redacted(item, redactor)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redacted(item, redactor)])) as T;
}

function textOf(facts: Record<string, unknown>, blocks: readonly string[]): string {
  const rest = Object.fromEntries(Object.entries(facts).filter(([key]) => !blocks.includes(key)));
  const shown = blocks.flatMap((key) => {
    const text = facts[key];
    return typeof text === "string" && text !== "" ? [`--- ${key} ---\n${text}`] : [];
  });
  return [JSON.stringify(rest), ...shown].join("\n");
}
