import { ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/server";
import type { Redactor } from "../../redaction/redactor.js";
import type { Client } from "../client.js";
import type { Run } from "./run.js";
import { shown } from "./shown.js";

export const OUTPUT_URI = "forkbox://runs/{run_id}/{stream}";

/** Links to what of a run's outputs is not in the answer. */
export function linksTo(run: Run, streams: readonly string[]) {
  return streams.map((stream) => ({
    uri: `forkbox://runs/${run.id}/${encodeURIComponent(stream)}`,
    name: stream,
    description: `All of ${stream} of ${run.id}`,
    mimeType: "text/plain",
  }));
}

export async function readOutputResource(
  uri: URL,
  { run_id: id, stream }: Record<string, string | string[]>,
  client: Client,
  redactor: Redactor,
) {
  const run = client.runs.find((one) => one.id === id);
  const output = typeof stream === "string" ? run?.outputs.get(decoded(stream)) : undefined;
  if (!output)
    throw new ProtocolError(
      ProtocolErrorCode.InvalidParams,
      "There is no such run, or it has no such stream.",
    );
  const head = output.slice(0, output.length);
  const rest = output.lost > 0 ? output.slice(head.text.length, output.length) : { text: "", from: 0 };
  const gap = output.lost > 0 ? `\n... ${output.lost} characters are not kept ...\n` : "";
  const text = redactor.redactText(shown(head.text + gap + rest.text));
  return { contents: [{ uri: uri.href, mimeType: "text/plain", text }] };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
