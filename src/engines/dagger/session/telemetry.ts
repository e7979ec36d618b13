import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { StreamName } from "../../../engine.js";
import { performance, sleep } from "../../../timers.js";
import { readLogs, readSpans } from "./otlp.js";

/** Live news of one operation. */
export interface Watch {
  /** The header that ties the engine's telemetry to this operation. */
  readonly traceparent: string;
  /** True when the engine has ended all work of the operation and says no more, false when it has not after `timeoutMs`. */
  idle(timeoutMs: number): Promise<boolean>;
  close(): void;
}

interface Watched {
  onText: (stream: StreamName, text: string) => void;
  running: Set<string>;
  /** When something last came. */
  heard: number;
}

/** News come in batches, a tenth of a second apart where the machine is not busy. */
const QUIET_MS = 350;
const LOOK_MS = 25;
/** Many times what a session sends at once. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** Receives the logs and spans that a Dagger session exports: the only way to see output while a command runs. */
export class Telemetry {
  readonly #server: Server;
  /** In the address, so that no other program of this machine can put words into a command's mouth. */
  readonly #token = randomBytes(16).toString("hex");
  readonly #takers: ReadonlyMap<string, (body: Buffer) => void> = new Map([
    [`/${this.#token}/logs`, (body: Buffer) => this.#takeLogs(body)],
    [`/${this.#token}/traces`, (body: Buffer) => this.#takeTraces(body)],
  ]);
  readonly #watched = new Map<string, Watched>();

  static async start(): Promise<Telemetry> {
    const telemetry = new Telemetry();
    await new Promise<void>((resolve, reject) => {
      telemetry.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    telemetry.#server.unref();
    return telemetry;
  }

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const take = this.#takers.get(request.url ?? "");
      const body = take && (await readBody(request));
      if (!body) {
        // Nothing of it is read: whoever sends it may never stop.
        response.writeHead(take ? 413 : 404, { connection: "close" }).end();
        return;
      }
      takeOrLeave(() => take(body));
      response.setHeader("content-type", "application/x-protobuf").end();
    });
    this.#server.on("connection", (socket) => socket.unref());
  }

  /** What makes `dagger session` export here. The general OTEL_EXPORTER_OTLP_ENDPOINT alone sends nothing. */
  get environment(): Record<string, string> {
    const { port } = this.#server.address() as AddressInfo;
    const endpoint = `http://127.0.0.1:${port}/${this.#token}`;
    return {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/traces`,
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf",
      OTEL_EXPORTER_OTLP_TRACES_LIVE: "1",
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${endpoint}/logs`,
      OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: "http/protobuf",
    };
  }

  watch(onText: (stream: StreamName, text: string) => void): Watch {
    const traceId = randomBytes(16).toString("hex");
    const watched: Watched = { onText, running: new Set(), heard: performance.now() };
    this.#watched.set(traceId, watched);
    return {
      traceparent: `00-${traceId}-${randomBytes(8).toString("hex")}-01`,
      idle: (timeoutMs) => untilIdle(watched, timeoutMs),
      close: () => this.#watched.delete(traceId),
    };
  }

  /** What is on its way still comes: the session that sends it is about to end, and its connections with it. */
  close(): void {
    this.#server.close();
  }

  #takeLogs(body: Buffer): void {
    for (const { traceId, stream, text } of readLogs(body)) this.#log(traceId, stream, text);
  }

  #takeTraces(body: Buffer): void {
    for (const { traceId, spanId, ended } of readSpans(body)) this.#span(traceId, spanId, ended);
  }

  #log(traceId: string, stream: StreamName, text: string): void {
    const watched = this.#watched.get(traceId);
    if (!watched) return;
    watched.heard = performance.now();
    watched.onText(stream, text);
  }

  #span(traceId: string, spanId: string, ended: boolean): void {
    const watched = this.#watched.get(traceId);
    if (!watched) return;
    watched.heard = performance.now();
    if (ended) watched.running.delete(spanId);
    else watched.running.add(spanId);
  }
}

async function untilIdle(watched: Watched, timeoutMs: number): Promise<boolean> {
  const asked = performance.now();
  watched.heard = asked;
  for (;;) {
    await sleep(LOOK_MS);
    const now = performance.now();
    if (watched.running.size === 0 && now - watched.heard >= QUIET_MS) return true;
    if (now - asked >= timeoutMs) return false;
  }
}

/** An engine of another version may export what this does not read; live output is best effort. */
function takeOrLeave(take: () => void): void {
  try {
    take();
  } catch {
    // Left.
  }
}

/** Undefined when it ends early, or does not end soon enough. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > MAX_BODY_BYTES) return undefined;
      chunks.push(chunk as Buffer);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}
