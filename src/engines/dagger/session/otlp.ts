import { fields, messages } from "./protobuf.js";

/** What a command printed, as the engine's log of it says. */
export interface LogRecord {
  traceId: string;
  stream: "stdout" | "stderr";
  text: string;
}

export interface SpanRecord {
  traceId: string;
  spanId: string;
  ended: boolean;
}

/**
 * Log records of commands in an OTLP export (ExportLogsServiceRequest). Records marked verbose are left out:
 * they repeat what a query selected.
 */
export function* readLogs(body: Buffer): Generator<LogRecord> {
  for (const resource of messages(body, 1)) {
    for (const scope of messages(resource, 2)) {
      for (const record of messages(scope, 2)) {
        const log = readLog(record);
        if (log) yield log;
      }
    }
  }
}

/** Spans in an OTLP export (ExportTraceServiceRequest). A live one comes twice: when it starts and when it ends. */
export function* readSpans(body: Buffer): Generator<SpanRecord> {
  for (const resource of messages(body, 1)) {
    for (const scope of messages(resource, 2)) {
      for (const span of messages(scope, 2)) yield readSpan(span);
    }
  }
}

function readLog(record: Buffer): LogRecord | undefined {
  let text = "";
  let traceId = "";
  const attributes = new Map<string, number | string>();
  for (const [id, value] of fields(record)) {
    if (typeof value === "number") continue;
    if (id === 5) text = String(readValue(value));
    else if (id === 6) attributes.set(...readAttribute(value));
    else if (id === 9) traceId = value.toString("hex");
  }
  const stream = attributes.get("stdio.stream");
  if (stream === undefined || text === "" || attributes.get("dagger.io/logs.verbose") === 1) return undefined;
  return { traceId, stream: stream === 2 ? "stderr" : "stdout", text };
}

function readSpan(span: Buffer): SpanRecord {
  const record = { traceId: "", spanId: "", ended: false };
  for (const [id, value] of fields(span)) {
    if (id === 8) record.ended = value !== 0;
    else if (typeof value === "number") continue;
    else if (id === 1) record.traceId = value.toString("hex");
    else if (id === 2) record.spanId = value.toString("hex");
  }
  return record;
}

function readAttribute(attribute: Buffer): [string, number | string] {
  let key = "";
  let result: number | string = "";
  for (const [id, value] of fields(attribute)) {
    if (typeof value === "number") continue;
    if (id === 1) key = value.toString();
    else if (id === 2) result = readValue(value);
  }
  return [key, result];
}

/** An AnyValue that is text, a boolean or a number; others are of no use here. */
function readValue(any: Buffer): number | string {
  for (const [, value] of fields(any)) return typeof value === "number" ? value : value.toString();
  return "";
}
