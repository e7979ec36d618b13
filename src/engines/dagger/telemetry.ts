import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { StreamName } from "../../engine.js";
import { readLogs, readSpans } from "./otlp.js";

/** Live news of one operation. */
export interface Watch {
  /** The header that ties the engine's telemetry to this operation. */
  readonly traceparent: string;
  /** Resolves when the engine has ended all work of the operation and says no more, or after `timeoutMs`. */
  idle(timeoutMs: number): Promise<void>;
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

/** Receives the logs and spans that a Dagger session exports: the only way to see output while a command runs. */
export class Telemetry {
  readonly #server: Server;
  /** In the address, so that no other program of this machine can put words into a command's mouth. */
  readonly #token = randomBytes(16).toString("hex");
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
      const body = await readBody(request);
      if (body) this.#take(request.url ?? "", body);
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

  #take(url: string, body: Buffer): void {
    try {
      if (url === `/${this.#token}/logs`) {
        for (const { traceId, stream, text } of readLogs(body)) this.#log(traceId, stream, text);
      } else if (url === `/${this.#token}/traces`) {
        for (const { traceId, spanId, ended } of readSpans(body)) this.#span(traceId, spanId, ended);
      }
    } catch (error) {
      // An engine of another version may export what this does not read; live output is best effort.
      if (!(error instanceof RangeError)) throw error;
    }
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

async function untilIdle(watched: Watched, timeoutMs: number): Promise<void> {
  const asked = performance.now();
  watched.heard = asked;
  for (;;) {
    await sleep(LOOK_MS);
    const now = performance.now();
    if (watched.running.size === 0 && now - watched.heard >= QUIET_MS) return;
    if (now - asked >= timeoutMs) return;
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  try {
    return Buffer.concat((await request.toArray()) as Buffer[]);
  } catch {
    return undefined;
  }
}
